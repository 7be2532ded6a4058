import type { Grade, Quality as Seen } from "./quality";
import type { ConnectionStats } from "./stats";
import type { Quality } from "./wire";

const EVERY_MS = 10_000;
const APART_MS = 5_000;

interface Told {
  readonly match: string;
  readonly level: Grade;
  readonly atMs: number;
}

/** What operators are told of a call: every ten seconds, and soon when it gets better or worse. */
export class QualityReport {
  private told: Told | null = null;
  private before: { readonly stats: ConnectionStats } | null = null;

  /** Another route counts from its own beginning. */
  reset(): void {
    this.before = null;
  }

  /** The message that is due now, if one is. */
  read(match: string, seen: Seen, stats: ConnectionStats): Omit<Quality, "n"> | null {
    const nowMs = stats.totals.atMs;
    const first = this.told?.match !== match;
    const before = this.before?.stats ?? null;
    this.before ??= { stats };
    if (!first && this.told !== null) {
      const sinceMs = nowMs - this.told.atMs;
      if (sinceMs < (this.told.level === seen.grade ? EVERY_MS : APART_MS)) return null;
    }
    this.told = { match, level: seen.grade, atMs: nowMs };
    this.before = { stats };
    const rounded = { type: "quality", match, level: seen.grade, reason: seen.reason, rtt_ms: seen.roundTripMs } as const;
    return { ...rounded, ...(before === null ? UNKNOWN : between(before, stats)) };
  }
}

const UNKNOWN = { loss_permille: null, received_bps: null, sent_bps: null } as const;

function between(before: ConnectionStats, now: ConnectionStats): Pick<Quality, "loss_permille" | "received_bps" | "sent_bps"> {
  const seconds = (now.totals.atMs - before.totals.atMs) / 1000;
  if (seconds <= 0) return UNKNOWN;
  const received = Math.max(0, now.totals.packetsReceived - before.totals.packetsReceived);
  const lost = Math.max(0, now.totals.packetsLost - before.totals.packetsLost);
  const bps = (bytes: number): number => Math.max(0, Math.round((bytes * 8) / seconds));
  return {
    loss_permille: received + lost === 0 ? null : Math.round((lost * 1000) / (received + lost)),
    received_bps: bps(now.vitals.receivedBytes - before.vitals.receivedBytes),
    sent_bps: bps(now.vitals.sentBytes - before.vitals.sentBytes),
  };
}
