import { type ReactNode, useEffect, useId, useRef, useState } from "react";

interface PopoverProps {
  /** The button's content and look. */
  label: string;
  icon: ReactNode;
  className?: string;
  panelClassName?: string;
  children: (close: () => void) => ReactNode;
}

/** A button that shows a small panel; Esc and a click elsewhere put it away. */
export function Popover({ label, icon, className = "", panelClassName = "", children }: PopoverProps) {
  // `returned`: put away by hand, so the focus goes back to the button.
  const [state, setState] = useState<"shut" | "open" | "returned">("shut");
  const open = state === "open";
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const panel = useId();
  useEffect(() => {
    if (!open) return;
    const outside = (event: Event): void => {
      if (event.target instanceof Node && root.current?.contains(event.target) === false) setState("shut");
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, [open]);
  useEffect(() => {
    if (state === "returned") button.current?.focus();
  }, [state]);
  const close = (): void => setState("returned");
  return (
    <div
      ref={root}
      className="relative"
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !open) return;
        event.preventDefault();
        event.stopPropagation();
        close();
      }}
    >
      <button
        ref={button}
        type="button"
        title={label}
        aria-label={label}
        aria-expanded={open}
        aria-controls={open ? panel : undefined}
        onClick={() => setState(open ? "shut" : "open")}
        className={className}
      >
        {icon}
      </button>
      {open && (
        <div
          id={panel}
          className={`off-stage absolute z-40 rounded-2xl border border-line bg-surface text-ink sheet-shadow animate-rise ${panelClassName}`}
        >
          {children(close)}
        </div>
      )}
    </div>
  );
}
