import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { AppBar } from "../app/AppBar";
import { useClient } from "../state/client";
import { useView } from "../state/store";
import { Button } from "../ui/Button";
import { Picture } from "../ui/Picture";
import { useScreenFocus } from "../ui/useScreenFocus";

/** In line: where, how long, with how many, and how to get out again. */
export default function Finding() {
  const { t } = useTranslation();
  const client = useClient();
  const screen = useScreenFocus<HTMLElement>();
  const call = useView((state) => state.call);
  const own = useView((state) => state.own);
  const refused = useView((state) => state.leg.kind === "refused");
  if (call.kind !== "joining" && call.kind !== "finding") return null;
  const alone = call.kind === "finding" && call.waiting <= 1 && call.online <= 1;
  return (
    <div className="flex min-h-full flex-col">
      <AppBar />
      <main ref={screen} tabIndex={-1} className="outline-none flex grow flex-col items-center justify-center gap-8 px-4 pb-16 text-center">
        <div className="relative grid size-64 place-items-center sm:size-72">
          {[0, 0.93, 1.86].map((delay) => (
            <span
              key={delay}
              aria-hidden
              style={{ animationDelay: `${delay}s` }}
              className="absolute inset-0 animate-ripple rounded-full bg-accent-soft motion-reduce:animate-none motion-reduce:opacity-60"
            />
          ))}
          <div className="relative size-40 overflow-hidden rounded-full border-4 border-surface bg-stage sheet-shadow sm:size-44">
            {own !== null && <Picture stream={own} label={t("finding.own")} className="mirrored size-full object-cover" />}
          </div>
        </div>
        <div className="flex flex-col items-center gap-2">
          <h1 className="text-3xl font-extrabold tracking-tight">{t(call.kind === "joining" ? "finding.joining" : "finding.title")}</h1>
          <Passed sinceMs={call.sinceMs} />
        </div>
        {call.kind === "finding" && (
          <dl className="grid w-full max-w-lg grid-cols-3 divide-x divide-line rounded-3xl bg-surface py-4 sheet-shadow rtl:divide-x-reverse">
            <Figure name={t("finding.position")} value={String(call.position)} />
            <Figure name={t("finding.online")} value={String(call.online)} />
            <Figure name={t("finding.wait")} value={waitOf(alone ? null : call.estimateSeconds)} />
          </dl>
        )}
        {alone && <p className="max-w-md font-medium">{t("finding.alone")}</p>}
        {refused && <p className="max-w-md rounded-xl bg-fair-soft px-4 py-3 font-medium text-fair">{t("finding.relayFull")}</p>}
        <Button large onClick={() => client.cancel()}>
          {t("finding.cancel")}
        </Button>
      </main>
    </div>
  );

  function waitOf(seconds: number | null): string {
    if (seconds === null) return t("finding.unknownWait");
    if (seconds < 90) return t("finding.seconds", { value: Math.max(1, Math.round(seconds)) });
    return t("finding.minutes", { value: Math.round(seconds / 60) });
  }
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <div className="flex flex-col-reverse justify-end gap-0.5 px-2">
      <dt className="text-sm text-muted">{name}</dt>
      <dd className="text-xl font-bold tabular-nums">{value}</dd>
    </div>
  );
}

function Passed({ sinceMs }: { sinceMs: number }) {
  const { t } = useTranslation();
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.max(0, Math.floor((now - sinceMs) / 1000));
  const value = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  return <p className="text-muted tabular-nums">{t("finding.passed", { value })}</p>;
}
