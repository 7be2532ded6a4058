import { LoaderCircle } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { CallState } from "../../core/call";

interface StageNoteProps {
  call: Extract<CallState, { kind: "connecting" | "connected" | "reconnecting" }>;
}

/** What is going on when there is no talk to see: why, and what comes next. */
export function StageNote({ call }: StageNoteProps) {
  const { t } = useTranslation();
  if (call.kind === "connected") return null;
  const { name } = call.talk.stranger;
  const hint = (): string => {
    if (call.reason !== null) return t(`call.why.${call.reason}`);
    return call.route === null ? t("call.connectingHint") : t(`call.trying.${call.route}`);
  };
  return call.kind === "connecting" ? (
    <div className="absolute inset-0 z-10 flex flex-col items-center justify-center gap-3 p-6 text-center">
      <LoaderCircle aria-hidden className="size-10 animate-spin" />
      <p className="text-2xl font-bold">{t("call.connecting", { name })}</p>
      <p className="max-w-md text-balance text-white/85">{hint()}</p>
    </div>
  ) : (
    <div className="absolute inset-x-0 top-24 z-10 flex justify-center px-4">
      <div className="flex max-w-md animate-rise items-start gap-3 rounded-2xl bg-black/85 px-5 py-4">
        <LoaderCircle aria-hidden className="mt-0.5 size-5 shrink-0 animate-spin" />
        <div>
          <p className="font-bold">{t("call.reconnecting.title")}</p>
          <p>{t(`call.reconnecting.${call.cause}`)}</p>
          <p className="text-sm text-white/80">{t("call.reconnecting.next")}</p>
        </div>
      </div>
    </div>
  );
}
