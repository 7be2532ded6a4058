import type { FeedState, MinuteBody } from "./wire";

/** What the charts draw: one point a stored minute, then one a state of the feed. Pure. */
export interface Point {
  /** Unix seconds. */
  readonly at: number;
  readonly stress: number;
  readonly direct: number;
  readonly relay: number;
  readonly connecting: number;
  readonly inMbps: number;
  readonly outMbps: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly drops: number;
  readonly cpu: number;
  readonly lagMs: number;
}

export const SHOWN_SECONDS = 3600;
/** Live points kept: an hour of them at one in two seconds. The oldest goes first. */
const MOST_POINTS = 2000;

export function pointOfMinute(minute: MinuteBody): Point {
  const seconds = Math.max(minute.seconds, 1);
  let drops = 0;
  for (const count of Object.values(minute.drops)) drops += count;
  return {
    at: minute.at + minute.seconds,
    stress: minute.stress,
    direct: minute.calls_direct,
    relay: minute.calls_relay,
    connecting: minute.calls_connecting,
    inMbps: (minute.bytes_in * 8) / seconds / 1e6,
    outMbps: (minute.bytes_out * 8) / seconds / 1e6,
    packetsIn: minute.packets_in / seconds,
    packetsOut: minute.packets_out / seconds,
    drops: drops / seconds,
    cpu: minute.cpu,
    lagMs: minute.lag_ms,
  };
}

export function pointOfState(state: FeedState): Point {
  const { counts, traffic, node } = state;
  return {
    at: state.at,
    stress: node.load.stress,
    direct: counts.direct,
    relay: counts.relay,
    connecting: counts.connecting,
    inMbps: traffic.in_bps / 1e6,
    outMbps: traffic.out_bps / 1e6,
    packetsIn: traffic.packets_in_per_second,
    packetsOut: traffic.packets_out_per_second,
    drops: traffic.drops_per_second,
    cpu: node.load.cpu,
    lagMs: node.load.lag_ms,
  };
}

/** Points in order of time: one that is not newer than the last is left out, those over an hour old too. */
export function withPoint(points: readonly Point[], point: Point): readonly Point[] {
  const last = points.at(-1);
  if (last !== undefined && point.at <= last.at) return points;
  const oldest = point.at - SHOWN_SECONDS;
  return [...points.filter((earlier) => earlier.at >= oldest), point].slice(-MOST_POINTS);
}

/** The stored minutes before everything seen live. */
export function backfilled(minutes: readonly MinuteBody[], live: readonly Point[]): readonly Point[] {
  const firstLive = live[0]?.at ?? Infinity;
  return [...minutes.map(pointOfMinute).filter((point) => point.at < firstLive), ...live];
}

export function totals(minutes: readonly MinuteBody[], field: "ends" | "troubles"): readonly (readonly [string, number])[] {
  const sums = new Map<string, number>();
  for (const minute of minutes) {
    for (const [name, count] of Object.entries(minute[field])) sums.set(name, (sums.get(name) ?? 0) + count);
  }
  return [...sums].sort((x, y) => y[1] - x[1]);
}

/** The border under which half of all times to connect by this route were; null when there are none. */
export function medianConnect(minutes: readonly MinuteBody[], borders: readonly number[], route: string): number | null {
  const classes = new Array<number>(borders.length + 1).fill(0);
  for (const minute of minutes) {
    minute.connect_ms[route]?.forEach((count, index) => (classes[index] = (classes[index] ?? 0) + count));
  }
  const all = classes.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  for (const [index, count] of classes.entries()) {
    seen += count;
    if (all > 0 && seen * 2 >= all) return borders[index] ?? borders.at(-1) ?? null;
  }
  return null;
}

/** Ends that are nobody's wish. */
const WISHED = new Set(["next", "left", "blocked", "replaced", "ended_by_operator", "service_stopping"]);

export function failures(minute: MinuteBody): number {
  let count = 0;
  for (const [reason, times] of Object.entries(minute.ends)) if (!WISHED.has(reason)) count += times;
  return count;
}
