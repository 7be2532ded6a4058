/** How good the route is, from the numbers of `getStats`, without flicker. */
export type Grade = "good" | "fair" | "poor";
export type QualityReason = "loss_in" | "loss_out" | "delay" | "freezes" | "bandwidth" | "silence";

export interface Quality {
  readonly grade: Grade;
  /** What weighs most, unless all is good. */
  readonly reason: QualityReason | null;
  readonly roundTripMs: number | null;
}

/** Totals since the connection began; differences are taken here. */
export interface MediaTotals {
  readonly atMs: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  /** Seconds the shown picture stood still. */
  readonly frozenSeconds: number;
  readonly framesDecoded: number;
  /** Share of our packets that the other end lost, 0 to 1, as last reported. */
  readonly lossOut: number | null;
  readonly roundTripMs: number | null;
  /** What the congestion control thinks we may send. */
  readonly availableOutBps: number | null;
}

interface Verdict {
  readonly grade: Grade;
  readonly reason: QualityReason | null;
}

const ORDER: Record<Grade, number> = { good: 0, fair: 1, poor: 2 };
/** A worse grade must be seen so often in a row before it is shown, a better one so often. */
const WORSE_AFTER = 2;
const BETTER_AFTER = 4;
/** How long a new route's bandwidth estimate is left alone. */
const SETTLES_MS = 8_000;

/** Bounds for fair and for poor. */
const LOSS = [0.03, 0.08] as const;
const DELAY_MS = [350, 700] as const;
const FROZEN = [0.15, 0.5] as const;
const BANDWIDTH_BPS = [350_000, 120_000] as const;

function graded(value: number, [fair, poor]: readonly [number, number], reason: QualityReason): Verdict {
  if (value >= poor) return { grade: "poor", reason };
  return value >= fair ? { grade: "fair", reason } : { grade: "good", reason: null };
}

function gradedBelow(value: number, [fair, poor]: readonly [number, number], reason: QualityReason): Verdict {
  return graded(-value, [-fair, -poor], reason);
}

/**
 * One look: what happened between two readings. `settled` is false while the congestion control still
 * finds out what the line carries: its first estimates are guesses and no fault of the line.
 */
export function judge(before: MediaTotals, now: MediaTotals, settled = true): Verdict {
  const seconds = (now.atMs - before.atMs) / 1000;
  const received = now.packetsReceived - before.packetsReceived;
  const lost = Math.max(0, now.packetsLost - before.packetsLost);
  if (received <= 0 && before.packetsReceived > 0) return { grade: "poor", reason: "silence" };
  const verdicts = [graded(received + lost === 0 ? 0 : lost / (received + lost), LOSS, "loss_in")];
  if (now.lossOut !== null) verdicts.push(graded(now.lossOut, LOSS, "loss_out"));
  if (now.roundTripMs !== null) verdicts.push(graded(now.roundTripMs, DELAY_MS, "delay"));
  if (seconds > 0) verdicts.push(graded((now.frozenSeconds - before.frozenSeconds) / seconds, FROZEN, "freezes"));
  if (settled && now.availableOutBps !== null) verdicts.push(gradedBelow(now.availableOutBps, BANDWIDTH_BPS, "bandwidth"));
  return verdicts.reduce((worst, verdict) => (ORDER[verdict.grade] > ORDER[worst.grade] ? verdict : worst));
}

/** Keeps what is shown steady: quick to warn after two bad looks, slow to praise after four good ones. */
export class QualityGauge {
  private before: MediaTotals | null = null;
  private firstAtMs: number | null = null;
  private shown: Quality | null = null;
  private candidate: Grade | null = null;
  private times = 0;

  /** Null until there is something to compare. */
  get quality(): Quality | null {
    return this.shown;
  }

  /** Another route, another match: what was seen says nothing any more. */
  reset(): void {
    this.before = null;
    this.firstAtMs = null;
    this.shown = null;
    this.candidate = null;
    this.times = 0;
  }

  read(now: MediaTotals): Quality | null {
    const before = this.before;
    this.before = now;
    if (before === null) return this.shown;
    this.firstAtMs ??= now.atMs;
    const { grade, reason } = judge(before, now, now.atMs - this.firstAtMs >= SETTLES_MS);
    const { roundTripMs } = now;
    if (this.shown === null) {
      this.shown = { grade, reason, roundTripMs };
      return this.shown;
    }
    if (grade === this.shown.grade) {
      this.candidate = null;
      this.times = 0;
      this.shown = { grade, reason, roundTripMs };
      return this.shown;
    }
    this.times = this.candidate === grade ? this.times + 1 : 1;
    this.candidate = grade;
    const worse = ORDER[grade] > ORDER[this.shown.grade];
    if (this.times >= (worse ? WORSE_AFTER : BETTER_AFTER)) {
      this.candidate = null;
      this.times = 0;
      this.shown = { grade, reason, roundTripMs };
    } else {
      this.shown = { ...this.shown, roundTripMs };
    }
    return this.shown;
  }
}
