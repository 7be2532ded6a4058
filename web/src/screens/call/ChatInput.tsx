import { SendHorizontal, Smile } from "lucide-react";
import { lazy, Suspense, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { charsOf } from "../../core/chat";
import { CHAT_MAX_CHARS } from "../../core/wire";
import { useClient } from "../../state/client";
import { Popover } from "../../ui/Popover";

const EmojiPanel = lazy(() => import("./EmojiPanel"));

/** The counter shows when it begins to matter. */
const COUNT_FROM = CHAT_MAX_CHARS - 100;

export function ChatInput({ open }: { open: boolean }) {
  const { t } = useTranslation();
  const client = useClient();
  const [text, setText] = useState("");
  const field = useRef<HTMLTextAreaElement>(null);
  const composedAt = useRef(-Infinity);
  const chars = charsOf(text);
  const over = chars - CHAT_MAX_CHARS;
  const change = (next: string): void => {
    setText(next);
    client.chat.typed(next);
  };
  const send = (): void => {
    if (client.chat.say(text)) setText("");
  };
  const insert = (emoji: string): void => {
    const element = field.current;
    const from = element?.selectionStart ?? text.length;
    const to = element?.selectionEnd ?? text.length;
    change(text.slice(0, from) + emoji + text.slice(to));
    requestAnimationFrame(() => {
      element?.focus();
      element?.setSelectionRange(from + emoji.length, from + emoji.length);
    });
  };
  if (!open) {
    return (
      <p className="border-t border-line px-5 pt-4 pb-[calc(env(safe-area-inset-bottom)+1rem)] text-center text-muted">
        {t("chat.closed")}
      </p>
    );
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
      className="border-t border-line px-3 pt-3 pb-[calc(env(safe-area-inset-bottom)+0.75rem)]"
    >
      <div className="flex items-end gap-1 rounded-3xl border border-edge bg-surface p-1 has-[textarea:focus]:border-accent has-[textarea:focus]:ring-2 has-[textarea:focus]:ring-accent">
        <Popover
          label={t("chat.emoji")}
          icon={<Smile aria-hidden />}
          className="flex size-11 shrink-0 items-center justify-center rounded-full text-muted hover:bg-raised hover:text-ink"
          panelClassName="bottom-full start-0 mb-3 h-80 w-[min(20rem,calc(100vw-1.5rem))] overflow-hidden"
        >
          {(close) => (
            <Suspense fallback={<p className="p-4 text-muted">{t("chat.emojiLoading")}</p>}>
              <EmojiPanel
                onPick={(emoji) => {
                  close();
                  insert(emoji);
                }}
              />
            </Suspense>
          )}
        </Popover>
        <textarea
          ref={field}
          value={text}
          rows={1}
          dir="auto"
          aria-label={t("chat.input")}
          aria-invalid={over > 0 ? true : undefined}
          aria-describedby={chars >= COUNT_FROM ? "chat-count" : undefined}
          placeholder={t("chat.placeholder")}
          enterKeyHint="send"
          onCompositionEnd={(event) => {
            composedAt.current = event.timeStamp;
          }}
          onChange={(event) => change(event.target.value)}
          onKeyDown={(event) => {
            // The Enter that takes an input method's proposal sends nothing. Safari ends the composition
            // before that key, so the end is remembered for a moment.
            const composing = event.nativeEvent.isComposing || event.timeStamp - composedAt.current < 100;
            if (event.key !== "Enter" || event.shiftKey || composing) return;
            event.preventDefault();
            send();
          }}
          className="field-sizing-content max-h-36 min-h-11 min-w-0 grow resize-none self-center bg-transparent px-1 py-2.5 placeholder:text-muted focus-visible:outline-none"
        />
        <button
          type="submit"
          aria-label={t("chat.send")}
          title={t("chat.send")}
          disabled={text.trim() === "" || over > 0}
          className="flex size-11 shrink-0 items-center justify-center rounded-full bg-accent text-on-accent transition-opacity hover:bg-accent-strong disabled:bg-raised disabled:text-muted"
        >
          <SendHorizontal aria-hidden className="size-5 rtl:-scale-x-100" />
        </button>
      </div>
      {chars >= COUNT_FROM && (
        <p id="chat-count" className={`px-3 pt-1 text-xs ${over > 0 ? "font-semibold text-poor" : "text-muted"}`}>
          {over > 0 ? t("chat.tooLong", { value: over }) : t("chat.left", { value: -over })}
        </p>
      )}
    </form>
  );
}
