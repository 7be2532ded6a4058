import type { LegState } from "./leg";
import type { ConnectionStats } from "./stats";

export type Finding = "checking" | "ok" | "failed" | "not_offered";
export type Verdict = "checking" | "good" | "slow" | "tcp_only" | "relay_full" | "no_relay" | "no_service";

/** What the lobby says of the network, and what one can copy for whoever is asked for help. */
export interface NetworkReport {
  readonly service: Finding;
  readonly udp: Finding;
  readonly tcp: Finding;
  readonly transport: "udp" | "tcp" | null;
  readonly roundTripMs: number | null;
  /** The kind of address translation; not known until the service can be asked for it. */
  readonly mapping: "unknown";
  readonly verdict: Verdict;
  readonly code: string | null;
}

export interface NetworkFacts {
  readonly service: "open" | "trying" | "away";
  readonly serviceRoundTripMs: number | null;
  readonly leg: LegState;
  readonly stats: ConnectionStats | null;
  /** Since the check began. */
  readonly elapsedMs: number;
}

/** A way that has not answered for so long counts as blocked. */
const BLOCKED_AFTER_MS = 10_000;
const SLOW_MS = 300;

export const nothingChecked: NetworkReport = {
  service: "checking",
  udp: "checking",
  tcp: "checking",
  transport: null,
  roundTripMs: null,
  mapping: "unknown",
  verdict: "checking",
  code: null,
};

function way(facts: NetworkFacts, protocol: "udp" | "tcp"): Finding {
  const { leg, stats } = facts;
  if (leg.kind === "refused" || facts.service !== "open") return facts.service === "away" ? "failed" : "checking";
  if (stats === null) return leg.kind === "closed" ? "failed" : "checking";
  if (!stats.offered[protocol]) return "not_offered";
  if (stats.pairs.some((pair) => pair.protocol === protocol && pair.succeeded)) return "ok";
  return facts.elapsedMs >= BLOCKED_AFTER_MS || leg.kind === "closed" ? "failed" : "checking";
}

/** Facts to findings: only what was seen counts as working. */
export function judgeNetwork(facts: NetworkFacts): NetworkReport {
  const { leg, stats } = facts;
  const service: Finding = facts.service === "open" ? "ok" : facts.service === "away" ? "failed" : "checking";
  const udp = way(facts, "udp");
  const tcp = way(facts, "tcp");
  const selected = stats?.pairs.find((pair) => pair.selected) ?? null;
  const transport = leg.kind === "connected" ? (leg.transport ?? selected?.protocol ?? null) : null;
  const roundTripMs = selected?.roundTripMs ?? facts.serviceRoundTripMs;
  const code = leg.kind === "refused" || leg.kind === "closed" ? leg.code : null;
  return { service, udp, tcp, transport, roundTripMs, mapping: "unknown", verdict: verdict(), code };

  function verdict(): Verdict {
    if (service === "failed") return "no_service";
    if (service === "checking") return "checking";
    if (leg.kind === "refused") return "relay_full";
    if (leg.kind === "closed") return "no_relay";
    if (leg.kind !== "connected") return facts.elapsedMs >= BLOCKED_AFTER_MS ? "no_relay" : "checking";
    if (transport === "tcp") return "tcp_only";
    return (roundTripMs ?? 0) >= SLOW_MS ? "slow" : "good";
  }
}

export interface ReportContext {
  readonly at: string;
  readonly browser: string;
  readonly origin: string;
}

/** In English whatever the page's language is: it is for whoever helps. Names no address of the user. */
export function reportText(report: NetworkReport, context: ReportContext): string {
  const said: Record<Finding, string> = {
    checking: "not finished",
    ok: "works",
    failed: "does not work",
    not_offered: "not offered by this service",
  };
  return [
    "Burrow network report",
    `time: ${context.at}`,
    `service: ${context.origin}`,
    `browser: ${context.browser}`,
    `service reachable: ${said[report.service]}`,
    `relay by UDP: ${said[report.udp]}`,
    `relay by TCP: ${said[report.tcp]}`,
    `in use: ${report.transport ?? "none"}`,
    `round trip: ${report.roundTripMs === null ? "not measured" : `${Math.round(report.roundTripMs)} ms`}`,
    "kind of NAT: not tested",
    `verdict: ${report.verdict}${report.code === null ? "" : ` (${report.code})`}`,
  ].join("\n");
}
