import { ArrowRight, Flag } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { CallState } from "../../core/call";
import { useClient } from "../../state/client";
import { Button } from "../../ui/Button";

interface EndedCardProps {
  call: Extract<CallState, { kind: "ended" }>;
  onReport: () => void;
}

export function EndedCard({ call, onReport }: EndedCardProps) {
  const { t } = useTranslation();
  const client = useClient();
  const { name } = call.talk.stranger;
  const title =
    call.by === "stranger" ? t("ended.title", { name }) : call.by === "you" ? t("ended.titleYou") : t("ended.titleService");
  const reason = call.by === "you" && call.reason === "lost" ? t("ended.youLost") : t(`ended.reason.${call.reason}`);
  return (
    <div className="off-stage absolute inset-0 z-10 overflow-y-auto">
      <div className="flex min-h-full items-center justify-center p-4 pt-24">
        <section className="flex w-full max-w-md animate-rise flex-col gap-4 rounded-3xl bg-surface p-6 text-ink sheet-shadow">
          <div>
            <h2 className="text-2xl font-extrabold">{title}</h2>
            <p className="mt-1 text-muted">{reason}</p>
          </div>
          {call.nextAtMs !== null && (
            <div className="flex items-center justify-between gap-3 rounded-xl bg-accent-soft py-2 ps-4 pe-2">
              <Countdown untilMs={call.nextAtMs} />
              <Button look="quiet" onClick={() => client.stay()}>
                {t("ended.stay")}
              </Button>
            </div>
          )}
          <Button
            look="primary"
            large
            autoFocus
            onClick={() => client.next()}
            icon={<ArrowRight aria-hidden className="order-last rtl:-scale-x-100" />}
          >
            {t("ended.again")}
          </Button>
          <div className="flex flex-wrap justify-between gap-2">
            <Button look="quiet" onClick={() => client.cancel()}>
              {t("ended.lobby")}
            </Button>
            <Button look="quiet" icon={<Flag aria-hidden className="size-4" />} onClick={onReport}>
              {t("call.report")}
            </Button>
          </div>
        </section>
      </div>
    </div>
  );
}

function Countdown({ untilMs }: { untilMs: number }) {
  const { t } = useTranslation();
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, []);
  const value = Math.max(0, Math.ceil((untilMs - now) / 1000));
  return <p className="font-medium tabular-nums">{t("ended.autoNext", { value })}</p>;
}
