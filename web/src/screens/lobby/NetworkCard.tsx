import { ChevronDown, CircleAlert, CircleCheck, CircleDashed, LoaderCircle } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Finding, type NetworkReport, reportText, type Verdict } from "../../core/network";
import { useClient } from "../../state/client";
import { useView } from "../../state/store";
import { Button } from "../../ui/Button";

const LOOK: Record<Verdict, "wait" | "good" | "fair" | "poor"> = {
  checking: "wait",
  good: "good",
  strict: "good",
  slow: "fair",
  tcp_only: "fair",
  tls_only: "fair",
  relay_full: "fair",
  no_relay: "poor",
  no_service: "poor",
};

const TEXT = { wait: "text-muted", good: "text-good", fair: "text-fair", poor: "text-poor" } as const;

/** The check runs behind the start button and never holds it up. */
export function NetworkCard() {
  const { t } = useTranslation();
  const report = useView((state) => state.network);
  const look = LOOK[report.verdict];
  return (
    <section aria-label={t("network.title")} data-verdict={report.verdict} className="rounded-3xl bg-surface sheet-shadow">
      <details className="group">
        <summary className="flex min-h-16 list-none items-center gap-3 rounded-3xl px-5 py-4 [&::-webkit-details-marker]:hidden">
          <span className={TEXT[look]}>
            {look === "wait" ? (
              <LoaderCircle aria-hidden className="animate-spin" />
            ) : look === "good" ? (
              <CircleCheck aria-hidden />
            ) : (
              <CircleAlert aria-hidden />
            )}
          </span>
          <span className="grow font-semibold">{t(`network.verdict.${report.verdict}`)}</span>
          <span className="sr-only">{t("network.details")}</span>
          <ChevronDown aria-hidden className="size-5 shrink-0 text-muted transition-transform group-open:rotate-180" />
        </summary>
        <Details report={report} />
      </details>
    </section>
  );
}

function Details({ report }: { report: NetworkReport }) {
  const { t } = useTranslation();
  const client = useClient();
  const [copy, setCopy] = useState<"none" | "done" | "failed">("none");
  const text = reportText(report, { at: new Date().toISOString(), browser: navigator.userAgent, origin: location.origin });
  const onCopy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      client.news.announce("copied");
      setCopy("done");
    } catch {
      setCopy("failed");
    }
  };
  return (
    <div className="px-5 pb-5">
      <dl className="grid grid-cols-[1fr_auto] gap-x-4 gap-y-2 border-t border-line pt-4">
        <Row way="service" name={t("network.service")} finding={report.service} />
        <Row way="udp" name={t("network.udp")} finding={report.udp} />
        <Row way="tcp" name={t("network.tcp")} finding={report.tcp} />
        {report.tls !== "not_offered" && <Row way="tls" name={t("network.tls")} finding={report.tls} />}
        <dt className="text-muted">{t("network.roundTrip")}</dt>
        <dd className="text-end font-medium">
          {report.roundTripMs === null ? t("network.notMeasured") : t("network.ms", { value: Math.round(report.roundTripMs) })}
        </dd>
        <dt className="text-muted">{t("network.nat")}</dt>
        <dd className="text-end font-medium" data-mapping={report.mapping}>
          {t(`network.mapping.${report.mapping}`)}
        </dd>
      </dl>
      <div className="mt-4 flex flex-wrap gap-2">
        <Button onClick={() => client.checkNetwork()}>{t("network.again")}</Button>
        <Button onClick={() => void onCopy()}>{t(copy === "done" ? "network.copied" : "network.copy")}</Button>
      </div>
      {copy === "failed" && (
        <>
          <p className="mt-3 text-sm text-muted">{t("network.copyFailed")}</p>
          <textarea
            readOnly
            dir="ltr"
            aria-label={t("network.report")}
            value={text}
            rows={6}
            onFocus={(event) => event.target.select()}
            className="mt-2 w-full rounded-xl border border-edge bg-raised p-3 font-mono text-xs"
          />
        </>
      )}
    </div>
  );
}

const FINDING: Record<Finding, string> = { checking: "text-muted", ok: "text-good", failed: "text-poor", not_offered: "text-muted" };

function Row({ way, name, finding }: { way: string; name: string; finding: Finding }) {
  const { t } = useTranslation();
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd data-way={way} data-finding={finding} className={`flex items-center justify-end gap-1.5 font-medium ${FINDING[finding]}`}>
        {finding === "ok" ? (
          <CircleCheck aria-hidden className="size-4" />
        ) : finding === "failed" ? (
          <CircleAlert aria-hidden className="size-4" />
        ) : (
          <CircleDashed aria-hidden className="size-4" />
        )}
        {t(`network.finding.${finding}`)}
      </dd>
    </>
  );
}
