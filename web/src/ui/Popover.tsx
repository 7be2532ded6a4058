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
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const panel = useId();
  useEffect(() => {
    if (!open) return;
    const outside = (event: Event): void => {
      if (event.target instanceof Node && root.current?.contains(event.target) === false) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, [open]);
  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
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
        onClick={() => setOpen(!open)}
        className={className}
      >
        {icon}
      </button>
      {open && (
        <div
          id={panel}
          className={`absolute z-40 rounded-2xl border border-line bg-surface text-ink sheet-shadow animate-rise ${panelClassName}`}
        >
          {children(close)}
        </div>
      )}
    </div>
  );
}
