import { type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, useId } from "react";
import { ChevronDown } from "lucide-react";

const BOX = "w-full rounded-xl border border-edge bg-surface px-3.5 text-ink placeholder:text-muted";

interface TextFieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, "id"> {
  label: string;
  hint?: string;
  error?: string | null;
}

export function TextField({ label, hint, error, ...rest }: TextFieldProps) {
  const id = useId();
  const below = error ?? hint;
  return (
    <div>
      <label htmlFor={id} className="mb-1.5 block font-medium">
        {label}
      </label>
      <input
        {...rest}
        id={id}
        aria-invalid={error ? true : undefined}
        aria-describedby={below ? `${id}-below` : undefined}
        className={`h-12 ${BOX} ${error ? "border-poor" : ""}`}
      />
      {below && (
        <p id={`${id}-below`} className={`mt-1.5 text-sm ${error ? "font-medium text-poor" : "text-muted"}`}>
          {below}
        </p>
      )}
    </div>
  );
}

interface CheckFieldProps {
  checked: boolean;
  onChange: (checked: boolean) => void;
  error?: string | null;
  children: ReactNode;
}

export function CheckField({ checked, onChange, error, children }: CheckFieldProps) {
  const id = useId();
  return (
    <div>
      <label className="flex items-start gap-3 py-1">
        <input
          type="checkbox"
          checked={checked}
          onChange={(event) => onChange(event.target.checked)}
          aria-invalid={error ? true : undefined}
          aria-describedby={error ? `${id}-error` : undefined}
          className="mt-0.5 size-6 shrink-0 rounded accent-accent"
        />
        <span className="pt-0.5">{children}</span>
      </label>
      {error && (
        <p id={`${id}-error`} className="text-sm font-medium text-poor">
          {error}
        </p>
      )}
    </div>
  );
}

interface SelectFieldProps extends Omit<SelectHTMLAttributes<HTMLSelectElement>, "id"> {
  label: string;
  icon?: ReactNode;
  hideLabel?: boolean;
}

export function SelectField({ label, icon, hideLabel = false, children, ...rest }: SelectFieldProps) {
  const id = useId();
  return (
    <div className="min-w-0">
      <label htmlFor={id} className={hideLabel ? "sr-only" : "mb-1.5 block font-medium"}>
        {label}
      </label>
      <div className="relative flex items-center">
        {icon && <span className="pointer-events-none absolute start-3.5 text-muted">{icon}</span>}
        <select {...rest} id={id} className={`h-12 appearance-none truncate pe-10 ${BOX} ${icon ? "ps-11" : ""}`}>
          {children}
        </select>
        <ChevronDown aria-hidden className="pointer-events-none absolute end-3 size-5 text-muted" />
      </div>
    </div>
  );
}

interface SwitchProps {
  checked: boolean;
  onChange: (checked: boolean) => void;
  label: string;
  hint?: string;
}

export function Switch({ checked, onChange, label, hint }: SwitchProps) {
  const id = useId();
  return (
    <div className="flex items-start justify-between gap-4">
      <div>
        <label htmlFor={id} className="font-medium">
          {label}
        </label>
        {hint && (
          <p id={`${id}-hint`} className="text-sm text-muted">
            {hint}
          </p>
        )}
      </div>
      <button
        type="button"
        id={id}
        role="switch"
        aria-checked={checked}
        aria-label={label}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onClick={() => onChange(!checked)}
        className={`relative h-7 w-12 shrink-0 rounded-full border transition-colors ${checked ? "border-accent bg-accent" : "border-edge bg-raised"}`}
      >
        <span
          className={`absolute top-1/2 size-5 -translate-y-1/2 rounded-full transition-all ${checked ? "start-[1.45rem] bg-on-accent" : "start-0.5 bg-edge"}`}
        />
      </button>
    </div>
  );
}
