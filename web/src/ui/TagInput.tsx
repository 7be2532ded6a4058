import { X } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { cleanTags, MAX_TAGS } from "../core/settings";

interface TagsProps {
  tags: readonly string[];
  nameOf?: (tag: string) => string;
  onRemove: (tag: string) => void;
}

export function Tags({ tags, nameOf = (tag) => tag, onRemove }: TagsProps) {
  const { t } = useTranslation();
  return (
    <ul className="flex flex-wrap gap-2 empty:hidden">
      {tags.map((tag) => (
        <li key={tag} className="flex max-w-full items-center rounded-full bg-accent-soft ps-3.5 text-sm font-medium">
          <bdi className="truncate">{nameOf(tag)}</bdi>
          <button
            type="button"
            aria-label={t("common.remove", { name: nameOf(tag) })}
            onClick={() => onRemove(tag)}
            className="flex size-8 shrink-0 items-center justify-center rounded-full hover:text-accent"
          >
            <X aria-hidden className="size-4" />
          </button>
        </li>
      ))}
    </ul>
  );
}

interface TagInputProps {
  label: string;
  hint: string;
  tags: readonly string[];
  onChange: (tags: readonly string[]) => void;
}

/** Words as tags: Enter or a comma adds one, Backspace in the empty field takes the last away. */
export function TagInput({ label, hint, tags, onChange }: TagInputProps) {
  const id = useId();
  const [text, setText] = useState("");
  const add = (more: string): void => {
    onChange(cleanTags([...tags, ...more.split(/[,،]/u)]));
    setText("");
  };
  const full = tags.length >= MAX_TAGS;
  return (
    <div>
      <label htmlFor={id} className="mb-1.5 block font-medium">
        {label}
      </label>
      <div className="flex flex-col gap-2">
        <Tags tags={tags} onRemove={(tag) => onChange(tags.filter((other) => other !== tag))} />
        <input
          id={id}
          value={text}
          disabled={full}
          enterKeyHint="done"
          autoComplete="off"
          aria-describedby={`${id}-hint`}
          onChange={(event) => {
            if (/[,،]/u.test(event.target.value)) add(event.target.value);
            else setText(event.target.value);
          }}
          onBlur={() => {
            if (text.trim() !== "") add(text);
          }}
          onKeyDown={(event) => {
            if (event.nativeEvent.isComposing) return;
            if (event.key === "Enter") {
              event.preventDefault();
              add(text);
            } else if (event.key === "Backspace" && text === "" && tags.length > 0) {
              onChange(tags.slice(0, -1));
            }
          }}
          className="h-12 w-full rounded-xl border border-edge bg-surface px-3.5 disabled:opacity-60"
        />
        <p id={`${id}-hint`} className="text-sm text-muted">
          {hint}
        </p>
      </div>
    </div>
  );
}
