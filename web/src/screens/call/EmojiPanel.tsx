import { EmojiPicker } from "frimousse";
import type { CSSProperties } from "react";
import { useTranslation } from "react-i18next";

/** Data from our own origin, loaded with the first opening. */
const DATA = new URL("emoji", document.baseURI).href;

/** The picker has its own idea of fonts. */
const FONT = { "--frimousse-emoji-font": "var(--font-emoji), sans-serif" } as CSSProperties;

export default function EmojiPanel({ onPick }: { onPick: (emoji: string) => void }) {
  const { t } = useTranslation();
  return (
    <EmojiPicker.Root
      emojibaseUrl={DATA}
      locale="en"
      columns={8}
      onEmojiSelect={({ emoji }) => onPick(emoji)}
      style={FONT}
      className="isolate flex h-full w-full flex-col bg-surface"
    >
      <EmojiPicker.Search
        autoFocus
        aria-label={t("chat.search")}
        placeholder={t("chat.search")}
        className="m-2 h-11 shrink-0 rounded-xl border border-edge bg-surface px-3 placeholder:text-muted"
      />
      <EmojiPicker.Viewport className="relative grow outline-none">
        <EmojiPicker.Loading className="absolute inset-0 grid place-items-center text-muted">{t("chat.emojiLoading")}</EmojiPicker.Loading>
        <EmojiPicker.Empty className="absolute inset-0 grid place-items-center text-muted">{t("chat.emojiNone")}</EmojiPicker.Empty>
        <EmojiPicker.List
          aria-label={t("chat.emojiPick")}
          className="pb-2 select-none"
          components={{
            CategoryHeader: ({ category, ...props }) => (
              <div {...props} className="bg-surface px-3 pt-2 pb-1 text-sm font-semibold text-muted">
                {category.label}
              </div>
            ),
            // ARIA counts from one, the library from zero.
            Row: ({ children, ...props }) => (
              <div {...props} aria-rowindex={(props["aria-rowindex"] ?? 0) + 1} className="px-1.5">
                {children}
              </div>
            ),
            Emoji: ({ emoji, ...props }) => (
              <button
                {...props}
                aria-colindex={(props["aria-colindex"] ?? 0) + 1}
                type="button"
                className="flex aspect-square grow basis-0 items-center justify-center rounded-lg text-2xl data-active:bg-accent-soft"
              >
                {emoji.emoji}
              </button>
            ),
          }}
        />
      </EmojiPicker.Viewport>
    </EmojiPicker.Root>
  );
}
