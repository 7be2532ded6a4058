import type { ButtonHTMLAttributes, ReactNode } from "react";

interface RoundToggleProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "aria-label"> {
  /** Off is shown in red: something of the user's is not sent. */
  on: boolean;
  label: string;
  icon: ReactNode;
}

/** A round control over a picture, readable on any of them. Its name says what pressing it does. */
export function RoundToggle({ on, label, icon, className = "", ...rest }: RoundToggleProps) {
  return (
    <button
      type="button"
      title={label}
      {...rest}
      aria-label={label}
      className={`relative flex size-12 shrink-0 items-center justify-center rounded-full transition-colors ${on ? "bg-glass text-white hover:bg-black" : "bg-[#c9352b] text-white hover:bg-[#a82a21]"} ${className}`}
    >
      {icon}
    </button>
  );
}
