import { X } from "lucide-react";
import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "./Button";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  wide?: boolean;
}

/** The browser's own modal dialog: it keeps the focus inside and gives it back. */
export function Dialog({ title, onClose, children, wide = false }: DialogProps) {
  const { t } = useTranslation();
  const box = useRef<HTMLDialogElement>(null);
  const heading = useId();
  // A layout effect, because its end comes while the dialog is still there: only then the focus goes back.
  useLayoutEffect(() => {
    const dialog = box.current;
    if (dialog === null || dialog.open) return;
    dialog.showModal();
    // React's autoFocus comes too early: the dialog opens after it and takes its own first button.
    dialog.querySelector<HTMLElement>("[data-first-focus]")?.focus();
    return () => dialog.close();
  }, []);
  return (
    <dialog
      ref={box}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onPointerDown={(event) => {
        // Outside of the box, which is all that is inside of the element.
        if (event.target === box.current) onClose();
      }}
      className={`m-auto max-h-[85dvh] w-[min(calc(100vw-2rem),var(--dialog-width))] overflow-visible rounded-3xl bg-surface text-ink sheet-shadow animate-rise ${wide ? "[--dialog-width:40rem]" : "[--dialog-width:27rem]"}`}
    >
      <div className="flex max-h-[85dvh] flex-col">
        <div className="flex items-start justify-between gap-4 ps-6 pe-3 pt-4">
          <h2 id={heading} className="pt-1.5 text-xl font-bold">
            {title}
          </h2>
          <IconButton label={t("common.close")} icon={<X aria-hidden />} onClick={onClose} />
        </div>
        <div className="overflow-y-auto px-6 pt-2 pb-6">{children}</div>
      </div>
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  text: string;
  confirm: string;
  onConfirm: () => void;
  onClose: () => void;
  danger?: boolean;
}

export function Confirm({ title, text, confirm, onConfirm, onClose, danger = false }: ConfirmProps) {
  const { t } = useTranslation();
  return (
    <Dialog title={title} onClose={onClose}>
      <p className="text-muted">{text}</p>
      <div className="mt-6 flex flex-wrap justify-end gap-3">
        <button type="button" data-first-focus onClick={onClose} className="min-h-11 rounded-full px-4 font-semibold hover:bg-raised">
          {t("common.cancel")}
        </button>
        <button
          type="button"
          onClick={onConfirm}
          className={`min-h-11 rounded-full px-5 font-semibold text-on-accent ${danger ? "bg-poor" : "bg-accent hover:bg-accent-strong"}`}
        >
          {confirm}
        </button>
      </div>
    </Dialog>
  );
}
