import { Flag, MicOff, Shield, UserX } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { CallState } from "../../core/call";
import type { Grade } from "../../core/quality";
import { useView } from "../../state/store";
import { Popover } from "../../ui/Popover";
import type { CallDialog } from "./CallScreen";

interface StageHeaderProps {
  call: Extract<CallState, { talk: unknown }>;
  onDialog: (dialog: CallDialog) => void;
}

/** Whom one talks with, by which way and how well; and what helps against them. */
export function StageHeader({ call, onDialog }: StageHeaderProps) {
  const { t } = useTranslation();
  const { stranger } = call.talk;
  const ended = call.kind === "ended";
  return (
    <div className="absolute inset-x-0 top-0 z-20 flex items-start justify-between gap-3 px-4 pt-[calc(env(safe-area-inset-top)+0.75rem)]">
      <div className="flex min-w-0 flex-col items-start gap-2">
        <div className="flex max-w-full flex-wrap items-center gap-x-3 gap-y-1.5 rounded-2xl bg-glass px-3.5 py-2">
          <p className="truncate font-bold">
            <bdi>{stranger.name}</bdi>
          </p>
          {!ended && call.talk.media?.microphone === false && (
            <p data-muted className="flex items-center gap-1 text-sm text-white/85">
              <MicOff aria-hidden className="size-4" />
              {t("call.theyAreMuted")}
            </p>
          )}
          {!ended && <Path route={call.talk.shown} connected={call.kind === "connected"} />}
        </div>
        {stranger.interests.length > 0 && (
          <ul aria-label={t("lobby.interests")} className="flex flex-wrap gap-1.5">
            {stranger.interests.slice(0, 5).map((interest) => (
              <li key={interest} className="max-w-40 truncate rounded-full bg-glass px-3 py-1 text-sm">
                <bdi>{interest}</bdi>
              </li>
            ))}
          </ul>
        )}
      </div>
      {!ended && (
        <Popover
          label={t("call.more")}
          icon={<Shield aria-hidden />}
          className="flex size-12 items-center justify-center rounded-full bg-glass hover:bg-black"
          panelClassName="end-0 top-full mt-2 w-56 p-2"
        >
          {(close) => (
            <>
              <Row icon={<Flag aria-hidden className="size-5" />} words={t("call.report")} onClick={() => pick("report", close)} />
              <Row icon={<UserX aria-hidden className="size-5" />} words={t("call.block")} onClick={() => pick("block", close)} />
            </>
          )}
        </Popover>
      )}
    </div>
  );

  function pick(dialog: CallDialog, close: () => void): void {
    close();
    onDialog(dialog);
  }
}

function Row({ icon, words, onClick }: { icon: React.ReactNode; words: string; onClick: () => void }) {
  return (
    <button
      type="button"
      onClick={onClick}
      className="flex min-h-11 w-full items-center gap-3 rounded-xl px-3 text-start font-medium text-ink hover:bg-raised"
    >
      {icon}
      {words}
    </button>
  );
}

const GRADE: Record<Grade, string> = { good: "text-[#8fd89d]", fair: "text-[#f2c566]", poor: "text-[#ff9d94]" };
const BARS: Record<Grade, number> = { good: 3, fair: 2, poor: 1 };

function Path({ route, connected }: { route: "direct" | "relay" | null; connected: boolean }) {
  const { t } = useTranslation();
  const quality = useView((state) => state.quality);
  if (route === null) return null;
  const path = t(`call.path.${route}`);
  if (!connected || quality === null) return <p className="text-sm text-white/85">{path}</p>;
  return (
    <p
      data-grade={quality.grade}
      aria-label={t("call.quality.label", { path, grade: t(`call.quality.${quality.grade}`) })}
      className="flex flex-wrap items-center gap-x-2 text-sm"
    >
      <span className="text-white/85">{path}</span>
      <span className={`flex items-center gap-1 font-semibold ${GRADE[quality.grade]}`}>
        <Bars lit={BARS[quality.grade]} />
        {t(`call.quality.${quality.grade}`)}
      </span>
      {quality.reason !== null && <span className="text-white/85">{t(`call.quality.reason.${quality.reason}`)}</span>}
    </p>
  );
}

/** By height and number, so not by colour alone. */
function Bars({ lit }: { lit: number }) {
  return (
    <svg viewBox="0 0 18 14" aria-hidden className="h-3.5 w-4.5 fill-current">
      {[0, 1, 2].map((bar) => (
        <rect key={bar} x={bar * 6.5} y={8 - bar * 4} width="5" height={6 + bar * 4} rx="1.2" opacity={bar < lit ? 1 : 0.3} />
      ))}
    </svg>
  );
}
