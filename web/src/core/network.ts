import type { LegState } from "./leg";
import { type Gathered, type Mapping, mappingOf } from "./nat";
import type { ConnectionStats } from "./stats";
import type { Network } from "./wire";

export type Finding = "checking" | "ok" | "failed" | "not_offered";
export type Verdict = "checking" | "good" | "strict" | "slow" | "tcp_only" | "tls_only" | "relay_full" | "no_relay" | "no_service";

/** What the lobby says of the network, and what one can copy for whoever is asked for help. */
export interface NetworkReport {
  readonly service: Finding;
  readonly udp: Finding;
  readonly tcp: Finding;
  /** Through the operator's TURN server, where there is one. */
  readonly tls: Finding;
  readonly transport: "udp" | "tcp" | "tls" | null;
  readonly roundTripMs: number | null;
  /** The kind of address translation; `unknown` when the check is over and could not tell. */
  readonly mapping: Mapping | "checking" | "unknown";
  readonly verdict: Verdict;
  readonly code: string | null;
}

export interface NetworkFacts {
  readonly service: "open" | "trying" | "away";
  readonly serviceRoundTripMs: number | null;
  readonly leg: LegState;
  readonly stats: ConnectionStats | null;
  /** Ways on which a check has succeeded, also when the browser has let go of them since. */
  readonly worked: ReadonlySet<"udp" | "tcp">;
  readonly nat: Gathered;
  readonly stun: readonly string[];
  /** Since the check began. */
  readonly elapsedMs: number;
}

/** A way that has not answered for so long counts as blocked. */
const BLOCKED_AFTER_MS = 10_000;
const SLOW_MS = 300;
const TCP_FIRST_MS = 2_500;

export const nothingChecked: NetworkReport = {
  service: "checking",
  udp: "checking",
  tcp: "checking",
  tls: "not_offered",
  transport: null,
  roundTripMs: null,
  mapping: "checking",
  verdict: "checking",
  code: null,
};

function way(facts: NetworkFacts, protocol: "udp" | "tcp"): Finding {
  const { leg, stats } = facts;
  if (leg.kind === "refused" || facts.service !== "open") return facts.service === "away" ? "failed" : "checking";
  if (facts.worked.has(protocol)) return "ok";
  if (stats === null) return leg.kind === "closed" ? "failed" : "checking";
  if (!stats.offered[protocol]) return "not_offered";
  if (stats.pairs.some((pair) => pair.protocol === protocol && pair.succeeded && !pair.turned)) return "ok";
  return facts.elapsedMs >= BLOCKED_AFTER_MS || leg.kind === "closed" ? "failed" : "checking";
}

function wayByTls({ stats, elapsedMs }: NetworkFacts): Finding {
  if (stats?.offered.tls !== true) return "not_offered";
  if (stats.allocated) return "ok";
  return elapsedMs >= BLOCKED_AFTER_MS ? "failed" : "checking";
}

/** Facts to findings: only what was seen counts as working. */
export function judgeNetwork(facts: NetworkFacts): NetworkReport {
  const { leg, stats } = facts;
  const service: Finding = facts.service === "open" ? "ok" : facts.service === "away" ? "failed" : "checking";
  const udp = way(facts, "udp");
  const tcp = way(facts, "tcp");
  const selected = stats?.pairs.find((pair) => pair.selected) ?? null;
  const tls = wayByTls(facts);
  const transport = leg.kind !== "connected" ? null : selected?.turned === true ? "tls" : (selected?.protocol ?? leg.transport);
  const roundTripMs = selected?.roundTripMs ?? facts.serviceRoundTripMs;
  const code = leg.kind === "refused" || leg.kind === "closed" ? leg.code : null;
  const mapping = mappingOf(facts.nat, facts.stun, udp === "ok") ?? (facts.nat.complete && udp !== "checking" ? "unknown" : "checking");
  return { service, udp, tcp, tls, transport, roundTripMs, mapping, verdict: verdict(), code };

  function verdict(): Verdict {
    if (service === "failed") return "no_service";
    if (service === "checking") return "checking";
    if (leg.kind === "refused") return "relay_full";
    if (leg.kind === "closed") return "no_relay";
    if (transport === "tls") return "tls_only";
    if (leg.kind !== "connected") return facts.elapsedMs >= BLOCKED_AFTER_MS ? "no_relay" : "checking";
    // In the first moments TCP is in use because UDP is held back to see whether it gets through.
    if (transport === "tcp") return udp === "failed" || facts.elapsedMs >= TCP_FIRST_MS ? "tcp_only" : "checking";
    if ((roundTripMs ?? 0) >= SLOW_MS) return "slow";
    return mapping === "symmetric" ? "strict" : "good";
  }
}

/** What the service is told of it, so that it need not try what cannot work; null before anything is known. */
export function wireNetwork({ udp, tcp, mapping, roundTripMs }: NetworkReport): Omit<Network, "n"> | null {
  const known = (finding: Finding): boolean | null => (finding === "ok" ? true : finding === "failed" ? false : null);
  const told = mapping === "checking" || mapping === "unknown" ? null : mapping;
  if (known(udp) === null && known(tcp) === null && told === null) return null;
  return { type: "network", udp: known(udp), tcp: known(tcp), mapping: told, rtt_ms: roundTripMs };
}

export interface ReportContext {
  readonly at: string;
  readonly browser: string;
  readonly origin: string;
}

const NAT: Record<NetworkReport["mapping"], string> = {
  checking: "not finished",
  unknown: "could not be told",
  open: "none (open)",
  independent: "one mapping for all destinations (endpoint-independent)",
  symmetric: "another mapping for each destination (symmetric)",
};

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
    ...(report.tls === "not_offered" ? [] : [`relay by TLS: ${said[report.tls]}`]),
    `in use: ${report.transport ?? "none"}`,
    `round trip: ${report.roundTripMs === null ? "not measured" : `${Math.round(report.roundTripMs)} ms`}`,
    `kind of NAT: ${NAT[report.mapping]}`,
    `verdict: ${report.verdict}${report.code === null ? "" : ` (${report.code})`}`,
  ].join("\n");
}
