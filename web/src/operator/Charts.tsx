import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Chart, type Line } from "./Chart";
import { useDeskView } from "./desk";
import { failures, type Point } from "./series";

type Column = (point: Point) => number;

/** The last hour: stored minutes, then what is seen live. */
export function Charts() {
  const { t } = useTranslation("operator");
  const points = useDeskView((view) => view.points);
  const minutes = useDeskView((view) => view.minutes);
  const limits = useDeskView((view) => view.state?.node.limits ?? null);
  const soft = limits?.soft ?? 0;
  const hard = limits?.hard ?? 0;

  const columns = (...wanted: Column[]): number[][] => [
    points.map((point) => point.at),
    ...wanted.map((column) => points.map(column)),
  ];
  const told = useMemo(() => {
    const rows = minutes?.minutes ?? [];
    return [rows.map((row) => row.at + row.seconds), rows.map((row) => row.matches), rows.map(failures)];
  }, [minutes]);

  return (
    <section aria-labelledby="charts-title">
      <h2 id="charts-title" className="mb-3 text-lg font-bold">
        {t("charts.title")}
      </h2>
      <div className="grid gap-3 sm:grid-cols-2 xl:grid-cols-3">
        <Series
          title={t("charts.stress")}
          lines={[
            { label: t("charts.average"), color: "ink" },
            { label: t("charts.soft"), color: "fair", dash: true },
            { label: t("charts.hard"), color: "poor", dash: true },
          ]}
          data={columns((p) => p.stress, () => soft, () => hard)}
          digits={2}
        />
        <Series
          title={t("charts.calls")}
          lines={[
            { label: t("charts.direct"), color: "good" },
            { label: t("charts.relay"), color: "accent" },
            { label: t("charts.connecting"), color: "ink", dash: true },
          ]}
          data={columns((p) => p.direct, (p) => p.relay, (p) => p.connecting)}
          digits={0}
        />
        <Series
          title={t("charts.bitRate")}
          lines={[
            { label: t("charts.in"), color: "good" },
            { label: t("charts.out"), color: "accent" },
          ]}
          data={columns((p) => p.inMbps, (p) => p.outMbps)}
          digits={1}
        />
        <Series
          title={t("charts.packets")}
          lines={[
            { label: t("charts.in"), color: "good" },
            { label: t("charts.out"), color: "accent" },
            { label: t("charts.drops"), color: "ink", dash: true },
          ]}
          data={columns((p) => p.packetsIn, (p) => p.packetsOut, (p) => p.drops)}
          digits={0}
        />
        <Series
          title={t("charts.cpu")}
          lines={[
            { label: t("charts.cores"), color: "accent" },
            { label: t("charts.lag"), color: "ink", dash: true, right: true },
          ]}
          data={columns((p) => p.cpu, (p) => p.lagMs)}
          digits={2}
        />
        <Series
          title={t("charts.connect")}
          lines={[
            { label: t("charts.matches"), color: "good" },
            { label: t("charts.failures"), color: "poor" },
          ]}
          data={told}
          digits={0}
        />
      </div>
    </section>
  );
}

interface SeriesProps {
  title: string;
  lines: readonly Line[];
  data: readonly (readonly number[])[];
  digits: number;
}

/** A chart with its newest values in words. */
function Series({ title, lines, data, digits }: SeriesProps) {
  const { t } = useTranslation("operator");
  const newest = lines.map((line, index) => {
    const value = data[index + 1]?.at(-1);
    return value === undefined ? null : t("charts.now", { name: line.label, value: value.toFixed(digits) });
  });
  const summary = newest[0] === null ? t("charts.nothing") : newest.join(" · ");
  return <Chart title={title} lines={lines} data={data} summary={summary} />;
}
