import { useTranslation } from "react-i18next";
import { CallLink } from "./CallLink";
import { useDeskView } from "./desk";
import { clockTime, duration } from "./numbers";
import { medianConnect, totals } from "./series";
import { Cell, Row, Table } from "./table";

/** Why calls fail: ends and troubles of the last hour, and the matches that ended lately. */
export function Why() {
  const { t, i18n } = useTranslation("operator");
  const body = useDeskView((view) => view.minutes);
  const ends = useDeskView((view) => view.state?.ends ?? null);
  const minutes = body?.minutes ?? [];
  return (
    <section aria-labelledby="why-title" className="flex flex-col gap-3">
      <h2 id="why-title" className="text-lg font-bold">
        {t("why.title")}
      </h2>
      <div className="grid gap-3 sm:grid-cols-2">
        <Sums title={t("why.ends")} none={t("why.none")} sums={totals(minutes, "ends")} />
        <Sums title={t("why.troubles")} none={t("why.noneTroubles")} sums={totals(minutes, "troubles")} />
      </div>
      <ul className="text-sm text-muted">
        {(["direct", "relay"] as const).map((route) => {
          const ms = medianConnect(minutes, body?.connect_ms_borders ?? [], route);
          return ms !== null && <li key={route}>{t("why.median", { ms, route: t(`calls.routes.${route}`) })}</li>;
        })}
      </ul>
      {ends !== null && ends.length > 0 && (
        <>
          <h3 className="font-semibold">{t("why.recent")}</h3>
          <Table
            label={t("why.recent")}
            heads={[t("calls.match"), t("search.ended"), t("search.duration"), t("calls.route"), t("why.ends"), t("call.step")]}
          >
            {ends.map((end) => (
              <Row key={end.match}>
                <Cell>
                  <CallLink match={end.match} />
                </Cell>
                <Cell number>{clockTime(end.ended_at, i18n.language)}</Cell>
                <Cell number>{duration(end.seconds)}</Cell>
                <Cell>{end.routes.join(", ") || t("calls.routes.none")}</Cell>
                <Cell>
                  {end.reason} ({end.by})
                </Cell>
                <Cell>{end.step ?? t("unknown")}</Cell>
              </Row>
            ))}
          </Table>
        </>
      )}
    </section>
  );
}

function Sums({ title, none, sums }: { title: string; none: string; sums: readonly (readonly [string, number])[] }) {
  return (
    <div className="rounded-2xl border border-line bg-surface px-4 py-3">
      <h3 className="font-semibold">{title}</h3>
      {sums.length === 0 ? (
        <p className="text-sm text-muted">{none}</p>
      ) : (
        <dl className="mt-1 grid grid-cols-[1fr_auto] gap-x-4 gap-y-1 text-sm">
          {sums.map(([name, count]) => (
            <div key={name} className="contents">
              <dt>{name}</dt>
              <dd className="text-end tabular-nums">{count}</dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  );
}
