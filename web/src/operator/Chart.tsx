import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { duration } from "./numbers";

export interface Line {
  readonly label: string;
  /** A colour token, such as `accent`. */
  readonly color: string;
  readonly dash?: boolean;
  /** Drawn against the right-hand axis. */
  readonly right?: boolean;
}

interface ChartProps {
  title: string;
  lines: readonly Line[];
  /** Times (Unix seconds, or seconds after `relative`), then one array a line. */
  data: readonly (readonly (number | null)[])[];
  /** What the newest values are, for those who do not see the drawing. */
  summary: string;
  /** Times count from a beginning instead of being the clock's. */
  relative?: boolean;
}

const HEIGHT = 150;
// eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- uPlot has its enums as types alone
const RIGHT = 1 as uPlot.Axis.Side;

/** One chart by uPlot. It draws on a canvas, so its colours are looked up and drawn anew when the theme changes. */
export function Chart({ title, lines, data, summary, relative = false }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const newest = useRef(data);
  const shape = JSON.stringify(lines);

  useEffect(() => {
    newest.current = data;
    plot.current?.setData(data as uPlot.AlignedData);
  }, [data]);

  useEffect(() => {
    const here = box.current;
    if (here === null) return;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const draw = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot(
        options(here, JSON.parse(shape) as Line[], relative),
        newest.current as uPlot.AlignedData,
        here,
      );
    };
    draw();
    const sized = new ResizeObserver(() => plot.current?.setSize({ width: here.clientWidth, height: HEIGHT }));
    sized.observe(here);
    dark.addEventListener("change", draw);
    return () => {
      sized.disconnect();
      dark.removeEventListener("change", draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape, relative]);

  return (
    <figure className="min-w-0 rounded-2xl border border-line bg-surface p-3">
      <figcaption className="px-1 font-semibold">{title}</figcaption>
      <p className="min-h-10 px-1 pb-1 text-sm text-muted tabular-nums">{summary}</p>
      <div ref={box} dir="ltr" aria-hidden data-points={data[0]?.length ?? 0} className="overflow-hidden" />
      <ul className="flex flex-wrap gap-x-4 gap-y-1 px-1 pt-1 text-sm">
        {lines.map((line) => (
          <li key={line.label} className="flex items-center gap-1.5">
            <span aria-hidden className={`w-5 border-t-2 ${line.dash ? "border-dashed" : ""} ${SWATCH[line.color] ?? "border-ink"}`} />
            {line.label}
          </li>
        ))}
      </ul>
    </figure>
  );
}

/** Classes in full, so that they are found where styles are made. */
const SWATCH: Readonly<Record<string, string>> = {
  accent: "border-accent",
  good: "border-good",
  fair: "border-fair",
  poor: "border-poor",
  ink: "border-ink",
  muted: "border-muted",
};

function options(box: HTMLElement, lines: readonly Line[], relative: boolean): uPlot.Options {
  const font = `12px ${getComputedStyle(box).fontFamily}`;
  const [ink, grid] = [color(box, "muted"), color(box, "line")];
  const axis = { stroke: ink, font, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
  return {
    width: Math.max(box.clientWidth, 50),
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      // Two minutes at least: of a single point no span can be told.
      x: { time: !relative, range: (_plot, low, high) => [Math.min(low, high - (relative ? 10 : 120)), high] },
      y: { range: (_plot, _low, high) => [0, Math.max(high * 1.1, 1e-9)] },
      r: { range: (_plot, _low, high) => [0, Math.max(high * 1.1, 1e-9)] },
    },
    axes: [
      { ...axis, values: (_plot, times) => times.map((time) => (relative ? duration(time) : clock(time, times))) },
      { ...axis, size: 54 },
      ...(lines.some((line) => line.right) ? [{ ...axis, scale: "r", side: RIGHT, size: 40, grid: { show: false } }] : []),
    ],
    series: [
      {},
      ...lines.map((line) => ({
        stroke: color(box, line.color),
        width: 1.5,
        scale: line.right ? "r" : "y",
        // A line needs two.
        points: { show: (_plot: uPlot, series: number) => (_plot.data[series]?.length ?? 0) === 1 },
        spanGaps: true,
        ...(line.dash ? { dash: [4, 4] } : {}),
      })),
    ],
  };
}

/** As the person's own clock says it, with seconds where the marks are closer than a minute. */
function clock(time: number, times: readonly number[]): string {
  const close = (times[1] ?? Infinity) - (times[0] ?? 0) < 60;
  return new Date(time * 1000).toLocaleTimeString(document.documentElement.lang, {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    ...(close ? { second: "2-digit" } : {}),
  });
}

/** A token's colour in the theme of the moment: `light-dark()` is resolved only where it is used. */
function color(box: HTMLElement, token: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--color-${token})`;
  box.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
