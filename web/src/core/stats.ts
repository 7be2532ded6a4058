import type { MediaTotals } from "./quality";

/** Counts since the connection began that tell whether anything arrives. */
export interface Vitals {
  /** Whatever came in: packets of media and its control, and answers to checks. */
  readonly heard: number;
  readonly audioPackets: number;
  readonly videoPackets: number;
  readonly framesDecoded: number;
  readonly sentPackets: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** A way between the two ends that was tried. */
export interface PairFact {
  readonly protocol: "udp" | "tcp";
  readonly succeeded: boolean;
  readonly selected: boolean;
  /** Through the operator's TURN server: then `protocol` is what lies beyond it and says nothing of this network. */
  readonly turned: boolean;
  readonly roundTripMs: number | null;
}

export interface Offered {
  readonly udp: boolean;
  readonly tcp: boolean;
  /** A TURN server was named with the offer. */
  readonly tls: boolean;
}

export interface ConnectionStats {
  readonly pairs: readonly PairFact[];
  readonly offered: Offered;
  /** The TURN server gave an address: the way to it is open. */
  readonly allocated: boolean;
  readonly totals: MediaTotals;
  readonly vitals: Vitals;
}

export function offeredBy(sdp: string, tls = false): Offered {
  const candidates = sdp.split(/\r?\n/u).filter((line) => line.startsWith("a=candidate:"));
  const speaks = (protocol: string): boolean => candidates.some((line) => line.split(" ")[2]?.toLowerCase() === protocol);
  return { udp: speaks("udp"), tcp: speaks("tcp"), tls };
}

/** The offer without the relay's UDP addresses, and these. */
export function withoutUdp(sdp: string): { readonly sdp: string; readonly candidates: readonly string[] } {
  const lines = sdp.split(/\r?\n/u);
  const udp = (line: string): boolean => line.startsWith("a=candidate:") && line.split(" ")[2]?.toLowerCase() === "udp";
  return {
    sdp: lines.filter((line) => !udp(line) && line !== "a=end-of-candidates").join("\r\n"),
    candidates: [...new Set(lines.filter(udp).map((line) => line.slice(2)))],
  };
}

type Entry = Record<string, unknown>;

function amount(entry: Entry, key: string): number {
  const value = entry[key];
  return typeof value === "number" ? value : 0;
}

function amountOrNull(entry: Entry, key: string): number | null {
  const value = entry[key];
  return typeof value === "number" ? value : null;
}

/** The browser's report in this client's words. Names of fields: W3C's webrtc-stats. */
export function readStats(
  report: { forEach(visit: (entry: Entry) => void): void },
  offered: Offered,
  nowMs: number,
): ConnectionStats {
  const entries = new Map<string, Entry>();
  report.forEach((entry) => {
    if (typeof entry["id"] === "string") entries.set(entry["id"], entry);
  });
  const selectedIds = new Set<unknown>();
  for (const entry of entries.values()) {
    if (entry["type"] === "transport") selectedIds.add(entry["selectedCandidatePairId"]);
  }
  const pairs: PairFact[] = [];
  let allocated = false;
  const totals = {
    atMs: nowMs,
    packetsReceived: 0,
    packetsLost: 0,
    frozenSeconds: 0,
    framesDecoded: 0,
    lossOut: null as number | null,
    roundTripMs: null as number | null,
    availableOutBps: null as number | null,
  };
  const vitals = { heard: 0, audioPackets: 0, videoPackets: 0, framesDecoded: 0, sentPackets: 0, receivedBytes: 0, sentBytes: 0 };
  for (const [id, entry] of entries) {
    switch (entry["type"]) {
      case "transport":
        vitals.heard += amount(entry, "packetsReceived");
        vitals.receivedBytes += amount(entry, "bytesReceived");
        vitals.sentBytes += amount(entry, "bytesSent");
        break;
      case "candidate-pair": {
        const remote = entries.get(String(entry["remoteCandidateId"]));
        const local = entries.get(String(entry["localCandidateId"]));
        const turned = local?.["candidateType"] === "relay";
        const protocol = (remote ?? local)?.["protocol"] === "tcp" ? "tcp" : "udp";
        const seconds = amountOrNull(entry, "currentRoundTripTime");
        const roundTripMs = seconds === null ? null : seconds * 1000;
        const selected = selectedIds.has(id);
        vitals.heard += amount(entry, "responsesReceived") + amount(entry, "requestsReceived");
        pairs.push({ protocol, succeeded: entry["state"] === "succeeded", selected, turned, roundTripMs });
        if (selected) {
          totals.roundTripMs ??= roundTripMs;
          totals.availableOutBps = amountOrNull(entry, "availableOutgoingBitrate");
        }
        break;
      }
      case "inbound-rtp":
        totals.packetsReceived += amount(entry, "packetsReceived");
        totals.packetsLost += amount(entry, "packetsLost");
        totals.frozenSeconds += amount(entry, "totalFreezesDuration");
        totals.framesDecoded += amount(entry, "framesDecoded");
        vitals[entry["kind"] === "video" ? "videoPackets" : "audioPackets"] += amount(entry, "packetsReceived");
        vitals.framesDecoded += amount(entry, "framesDecoded");
        break;
      case "local-candidate":
        allocated ||= entry["candidateType"] === "relay";
        break;
      case "outbound-rtp":
        vitals.sentPackets += amount(entry, "packetsSent");
        break;
      case "remote-inbound-rtp": {
        const loss = amountOrNull(entry, "fractionLost");
        if (loss !== null) totals.lossOut = Math.max(totals.lossOut ?? 0, loss);
        // From end to end, through the relay: this is what the two feel.
        const seconds = amountOrNull(entry, "roundTripTime");
        if (seconds !== null) totals.roundTripMs = Math.max(totals.roundTripMs ?? 0, seconds * 1000);
        break;
      }
      default:
    }
  }
  return { pairs, offered, allocated, totals, vitals };
}
