import { useTranslation } from "react-i18next";
import { CallLink } from "./CallLink";
import { useDeskView } from "./desk";
import { bitRate, duration, milliseconds, permille } from "./numbers";
import { Cell, Row, Table } from "./table";
import type { CallBody, EndBody } from "./wire";

const QUALITY_LOOK = { good: "text-good", fair: "text-fair", poor: "text-poor font-semibold", unknown: "text-muted" } as const;

/** Calls in progress, the worst first. */
export function CallsTable() {
  const { t } = useTranslation("operator");
  const calls = useDeskView((view) => view.state?.calls ?? null);
  const total = useDeskView((view) => view.state?.calls_total ?? 0);
  if (calls === null) return null;
  return (
    <section aria-labelledby="calls-title">
      <div className="mb-3 flex flex-wrap items-baseline justify-between gap-3">
        <h2 id="calls-title" className="text-lg font-bold">
          {t("calls.title")}
        </h2>
        {total > 0 && <p className="text-sm text-muted">{t("calls.count", { shown: calls.length, total })}</p>}
      </div>
      {calls.length === 0 ? (
        <p className="text-muted">{t("calls.none")}</p>
      ) : (
        <Table
          label={t("calls.title")}
          heads={[
            t("calls.match"), t("calls.age"), t("calls.route"), t("calls.state"), t("calls.user"),
            t("calls.sends"), t("calls.gets"), t("calls.loss"), t("calls.rtt"), t("calls.quality"),
          ]}
        >
          {calls.map((call) => (
            <CallRows key={call.match} call={call} />
          ))}
        </Table>
      )}
    </section>
  );
}

function CallRows({ call }: { call: CallBody }) {
  const { t } = useTranslation("operator");
  return (
    <Row>
      <Cell>
        <CallLink match={call.match} live />
      </Cell>
      <Cell number>{duration(call.age_seconds)}</Cell>
      <Cell>{t(`calls.routes.${call.route ?? "none"}`)}</Cell>
      <Cell>{t(`calls.states.${call.state}`)}</Cell>
      <Cell>
        <Ends call={call} show={(end) => (end.away ? `${end.name} (${t("calls.away")})` : end.name)} />
      </Cell>
      <Cell number>
        <Ends call={call} show={(end) => bitRate(end.sent_bps)} />
      </Cell>
      <Cell number>
        <Ends call={call} show={(end) => bitRate(end.received_bps)} />
      </Cell>
      <Cell number>
        <Ends call={call} show={(end) => permille(end.received_loss_permille ?? end.sent_loss_permille)} />
      </Cell>
      <Cell number>
        <Ends call={call} show={(end) => milliseconds(end.rtt_ms)} />
      </Cell>
      <Cell>
        {[call.a, call.b].map((end) => (
          <Quality key={end.user} end={end} />
        ))}
      </Cell>
    </Row>
  );
}

function Ends({ call, show }: { call: CallBody; show: (end: EndBody) => string }) {
  return [call.a, call.b].map((end) => (
    <div key={end.user} className="max-w-44 truncate">
      {show(end)}
    </div>
  ));
}

export function Quality({ end }: { end: EndBody }) {
  const { t } = useTranslation("operator");
  const level = end.quality ?? "unknown";
  return (
    <div className={QUALITY_LOOK[level]}>
      {t(`calls.qualities.${level}`)}
      {end.quality_reason !== null && ` (${end.quality_reason})`}
    </div>
  );
}
