import type { ButtonHTMLAttributes, ReactNode } from "react";

type Look = "primary" | "secondary" | "quiet" | "danger";

const LOOKS: Record<Look, string> = {
  primary: "bg-accent text-on-accent hover:bg-accent-strong",
  secondary: "border border-edge bg-surface text-ink hover:bg-raised",
  quiet: "text-ink hover:bg-raised",
  danger: "bg-poor text-on-accent hover:opacity-90",
};

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: Look;
  icon?: ReactNode;
  large?: boolean;
}

export function Button({ look = "secondary", icon, large = false, className = "", children, ...rest }: ButtonProps) {
  const size = large ? "min-h-13 px-6 text-lg" : "min-h-11 px-4";
  return (
    <button
      type="button"
      {...rest}
      className={`inline-flex items-center justify-center gap-2 rounded-full font-semibold transition-colors disabled:opacity-55 aria-disabled:opacity-55 ${size} ${LOOKS[look]} ${className}`}
    >
      {icon}
      {children}
    </button>
  );
}

interface IconButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "aria-label"> {
  label: string;
  icon: ReactNode;
}

/** A round button with an icon alone; its name is told to all, by tooltip too. */
export function IconButton({ label, icon, className = "", ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      title={label}
      {...rest}
      aria-label={label}
      className={`inline-flex size-11 shrink-0 items-center justify-center rounded-full transition-colors hover:bg-raised ${className}`}
    >
      {icon}
    </button>
  );
}
