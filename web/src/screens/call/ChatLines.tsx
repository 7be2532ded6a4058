import { ArrowDown, Check, CheckCheck, Clock, TriangleAlert } from "lucide-react";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ChatLine, ChatStatus } from "../../core/chat";
import { pieces } from "../../core/links";
import { useClient } from "../../state/client";
import { useView } from "../../state/store";
import { LinkDialog } from "./LinkDialog";

/** Within this of the end one counts as being there. */
const NEAR_PX = 48;

/** The lines stay at the end only for who is there; who reads above is told how many came. */
export function ChatLines({ name }: { name: string }) {
  const { t } = useTranslation();
  const lines = useView((state) => state.chat.lines);
  const typing = useView((state) => state.chat.strangerTypes);
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  /** Of all lines, when they were last laid out. */
  const height = useRef(0);
  const [readUpTo, setReadUpTo] = useState(lines.length);
  const [away, setAway] = useState(false);
  const [link, setLink] = useState<URL | null>(null);
  const last = lines.at(-1);

  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    // From where the lines are, not from the scroll event, which may come after the next line.
    atEnd.current = height.current - element.scrollTop - element.clientHeight < NEAR_PX;
    height.current = element.scrollHeight;
    if (!atEnd.current && last?.from !== "you") {
      setAway(true);
      return;
    }
    element.scrollTop = element.scrollHeight;
    atEnd.current = true;
    setReadUpTo(lines.length);
  }, [lines.length, typing, last?.from]);

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    // The keyboard of a phone, or a longer input, makes the room smaller.
    const watch = new ResizeObserver(() => {
      if (atEnd.current) element.scrollTop = element.scrollHeight;
    });
    watch.observe(element);
    return () => watch.disconnect();
  }, []);

  const onScroll = (): void => {
    const element = box.current;
    if (element === null) return;
    atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_PX;
    setAway(!atEnd.current);
    if (atEnd.current) setReadUpTo(lines.length);
  };
  const fresh = away ? lines.slice(readUpTo).filter((line) => line.from === "stranger").length : 0;
  const toEnd = (): void => {
    const element = box.current;
    element?.scrollTo({ top: element.scrollHeight, behavior: "smooth" });
  };

  return (
    <div className="relative flex min-h-0 grow flex-col">
      <div
        ref={box}
        onScroll={onScroll}
        tabIndex={0}
        role="region"
        aria-label={t("chat.title")}
        className="flex grow flex-col overflow-y-auto overscroll-contain px-4 pt-2 pb-3 -outline-offset-4"
      >
        {lines.length === 0 && <p className="m-auto text-muted">{t("chat.empty")}</p>}
        <ol className="mt-auto flex flex-col gap-2">
          {lines.map((line) => (
            <Line key={`${line.from}-${line.id}`} line={line} name={name} onLink={setLink} />
          ))}
        </ol>
        {typing && (
          <p className="mt-3 flex items-center gap-2 text-sm text-muted" data-typing>
            <span aria-hidden className="flex gap-1">
              {[0, 0.15, 0.3].map((delay) => (
                <span key={delay} style={{ animationDelay: `${delay}s` }} className="size-1.5 animate-dot rounded-full bg-current" />
              ))}
            </span>
            {t("chat.typing", { name })}
          </p>
        )}
      </div>
      {fresh > 0 && (
        <button
          type="button"
          onClick={toEnd}
          className="absolute bottom-3 left-1/2 inline-flex min-h-10 -translate-x-1/2 animate-rise items-center gap-2 rounded-full bg-ink px-4 font-semibold text-paper sheet-shadow"
        >
          <ArrowDown aria-hidden className="size-4" />
          {t("chat.pill", { value: fresh })}
        </button>
      )}
      {link !== null && <LinkDialog url={link} onClose={() => setLink(null)} />}
    </div>
  );
}

function Line({ line, name, onLink }: { line: ChatLine; name: string; onLink: (url: URL) => void }) {
  const { t, i18n } = useTranslation();
  const own = line.from === "you";
  // The page's language, as it is written where the reader lives.
  const locale = navigator.languages.find((tag) => tag.startsWith(i18n.language)) ?? i18n.language;
  const time = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" }).format(line.atMs);
  return (
    <li className={`flex max-w-[85%] flex-col ${own ? "items-end self-end" : "items-start self-start"}`} data-from={line.from}>
      <p
        dir="auto"
        className={`max-w-full rounded-2xl px-3.5 py-2 break-words whitespace-pre-wrap ${own ? "rounded-ee-md bg-accent text-on-accent" : "rounded-es-md bg-raised"}`}
      >
        <span className="sr-only">{own ? t("chat.you") : name}: </span>
        {pieces(line.text).map((piece, index) =>
          piece.kind === "text" ? (
            piece.text
          ) : (
            <button
              key={index}
              type="button"
              onClick={() => onLink(piece.url)}
              className="text-start break-all underline decoration-dotted underline-offset-4"
            >
              {piece.text}
            </button>
          ),
        )}
      </p>
      <p className="mt-0.5 flex items-center gap-1.5 px-1 text-xs text-muted">
        <time dateTime={new Date(line.atMs).toISOString()}>{time}</time>
        {own && <Status status={line.status} id={line.id} />}
      </p>
    </li>
  );
}

const ICONS = { sending: Clock, sent: Check, delivered: CheckCheck, failed: TriangleAlert } as const;

function Status({ status, id }: { status: ChatStatus; id: string }) {
  const { t } = useTranslation();
  const client = useClient();
  const Icon = ICONS[status];
  return (
    <>
      <span data-status={status} className={`flex items-center gap-1 ${status === "failed" ? "font-semibold text-poor" : ""}`}>
        <Icon aria-hidden className="size-3.5" />
        {t(`chat.status.${status}`)}
      </span>
      {status === "failed" && (
        <button
          type="button"
          onClick={() => client.chat.retry(id)}
          className="min-h-6 font-semibold text-ink underline underline-offset-2"
        >
          {t("chat.retry")}
        </button>
      )}
    </>
  );
}
