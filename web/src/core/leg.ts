import type { LegOffer, LegState as LegMessage } from "./wire";
import type { MediaTotals } from "./quality";

export type LegState =
  | { readonly kind: "none" }
  | { readonly kind: "opening"; readonly leg: string }
  | { readonly kind: "connected"; readonly leg: string; readonly transport: "udp" | "tcp" | null }
  | { readonly kind: "interrupted"; readonly leg: string }
  | { readonly kind: "closed"; readonly code: string }
  | { readonly kind: "refused"; readonly code: string };

/** What is sent while linked. Null sends nothing. */
export interface Outgoing {
  readonly audio: MediaStreamTrack | null;
  readonly video: MediaStreamTrack | null;
}

/** A way between browser and relay that was tried. */
export interface PairFact {
  readonly protocol: "udp" | "tcp";
  readonly succeeded: boolean;
  readonly selected: boolean;
  readonly roundTripMs: number | null;
}

export interface LegStats {
  readonly pairs: readonly PairFact[];
  readonly offered: { readonly udp: boolean; readonly tcp: boolean };
  readonly totals: MediaTotals;
}

export interface LegOptions {
  readonly open: () => RTCPeerConnection;
  readonly streamOf: (tracks: MediaStreamTrack[]) => MediaStream;
  readonly answer: (leg: string, sdp: string) => void;
  readonly onState: (state: LegState) => void;
  /** The stranger's picture and sound; null when there is no connection. The same object for a leg's life. */
  readonly onIncoming: (stream: MediaStream | null) => void;
}

const AUDIO_MID = "0";
const VIDEO_MID = "1";
const LOW_BITRATE_BPS = 120_000;
const VIDEO_BITRATE_BPS = 2_500_000;

/**
 * The one media connection to the relay. It outlives matches: being matched only puts tracks on its
 * senders, and taking them off keeps the bandwidth estimate (docs/protocol.md, chapter 3).
 */
export class Leg {
  private current: LegState = { kind: "none" };
  private connection: RTCPeerConnection | null = null;
  private id: string | null = null;
  private offered = { udp: false, tcp: false };
  private outgoing: Outgoing = { audio: null, video: null };
  private linked = false;
  private lowBandwidth = false;
  /** Negotiations and changes of tracks go one after the other. */
  private work: Promise<void> = Promise.resolve();

  constructor(private readonly options: LegOptions) {}

  get state(): LegState {
    return this.current;
  }

  /** Answers the relay's offer: a new leg, or the same one with fewer codecs. */
  offer(message: LegOffer): Promise<void> {
    // At once, not in turn: what the relay says next of this leg must find it.
    if (this.id !== message.leg || this.connection === null) {
      this.shut();
      this.id = message.leg;
      this.connection = this.options.open();
      this.change({ kind: "opening", leg: message.leg });
    }
    const connection = this.connection;
    return this.queue(async () => {
      if (this.connection !== connection) return;
      this.offered = offeredBy(message.sdp);
      await connection.setRemoteDescription({ type: "offer", sdp: message.sdp });
      for (const transceiver of connection.getTransceivers()) transceiver.direction = "sendrecv";
      await connection.setLocalDescription(await connection.createAnswer());
      if (this.replaced(connection)) return;
      const sdp = connection.localDescription?.sdp;
      if (sdp === undefined) return;
      this.options.onIncoming(this.options.streamOf(connection.getReceivers().map((receiver) => receiver.track)));
      this.options.answer(message.leg, sdp);
      await this.limitRates(connection);
      await this.putTracks(connection);
    });
  }

  /** What the relay says of this leg. */
  report(message: LegMessage): void {
    if (message.state === "refused") {
      // No leg was made; one that is there stays.
      if (this.connection === null) this.change({ kind: "refused", code: message.code ?? "refused" });
      return;
    }
    if (message.leg !== this.id) return;
    switch (message.state) {
      case "connected":
        this.change({ kind: "connected", leg: message.leg, transport: message.transport });
        return;
      case "interrupted":
        this.change({ kind: "interrupted", leg: message.leg });
        return;
      case "closed":
        this.shut();
        this.change({ kind: "closed", code: message.code ?? "closed" });
    }
  }

  /** From now on the stranger gets our tracks. */
  link(): Promise<void> {
    this.linked = true;
    return this.tracksChanged();
  }

  unlink(): Promise<void> {
    this.linked = false;
    return this.tracksChanged();
  }

  send(outgoing: Outgoing): Promise<void> {
    this.outgoing = outgoing;
    return this.tracksChanged();
  }

  /** Audio first: the own picture small and slow, the sound before it. */
  setLowBandwidth(on: boolean): Promise<void> {
    this.lowBandwidth = on;
    return this.queue(async () => {
      if (this.connection !== null) await this.limitRates(this.connection);
    });
  }

  close(): void {
    this.shut();
    this.linked = false;
    this.change({ kind: "none" });
  }

  async stats(nowMs: number): Promise<LegStats | null> {
    if (this.connection === null) return null;
    return readStats(await this.connection.getStats(), this.offered, nowMs);
  }

  /** Apart, because another offer may have come while this one was being answered. */
  private replaced(connection: RTCPeerConnection): boolean {
    return this.connection !== connection;
  }

  private tracksChanged(): Promise<void> {
    return this.queue(async () => {
      if (this.connection !== null) await this.putTracks(this.connection);
    });
  }

  private async putTracks(connection: RTCPeerConnection): Promise<void> {
    const { audio, video } = this.linked ? this.outgoing : { audio: null, video: null };
    for (const transceiver of connection.getTransceivers()) {
      const track = transceiver.mid === AUDIO_MID ? audio : transceiver.mid === VIDEO_MID ? video : null;
      if (transceiver.sender.track !== track) await transceiver.sender.replaceTrack(track);
    }
  }

  private async limitRates(connection: RTCPeerConnection): Promise<void> {
    for (const { mid, sender } of connection.getTransceivers()) {
      const parameters = sender.getParameters();
      const [encoding] = parameters.encodings;
      if (encoding === undefined) continue;
      if (mid === AUDIO_MID) {
        encoding.priority = "high";
        encoding.networkPriority = "high";
      } else {
        encoding.maxBitrate = this.lowBandwidth ? LOW_BITRATE_BPS : VIDEO_BITRATE_BPS;
        encoding.scaleResolutionDownBy = this.lowBandwidth ? 4 : 1;
        encoding.maxFramerate = this.lowBandwidth ? 10 : 30;
      }
      await sender.setParameters(parameters);
    }
  }

  private queue(work: () => Promise<void>): Promise<void> {
    this.work = this.work.then(work).catch((error: unknown) => {
      // The connection was closed meanwhile, or the offer cannot be used: the relay gives it up in time.
      console.warn("leg:", error);
    });
    return this.work;
  }

  private shut(): void {
    this.id = null;
    if (this.connection === null) return;
    this.connection.close();
    this.connection = null;
    this.options.onIncoming(null);
  }

  private change(state: LegState): void {
    this.current = state;
    this.options.onState(state);
  }
}

export function offeredBy(sdp: string): { udp: boolean; tcp: boolean } {
  const candidates = sdp.split(/\r?\n/u).filter((line) => line.startsWith("a=candidate:"));
  const speaks = (protocol: string): boolean => candidates.some((line) => line.split(" ")[2]?.toLowerCase() === protocol);
  return { udp: speaks("udp"), tcp: speaks("tcp") };
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
  offered: { udp: boolean; tcp: boolean },
  nowMs: number,
): LegStats {
  const entries = new Map<string, Entry>();
  report.forEach((entry) => {
    if (typeof entry["id"] === "string") entries.set(entry["id"], entry);
  });
  const selectedIds = new Set<unknown>();
  for (const entry of entries.values()) {
    if (entry["type"] === "transport") selectedIds.add(entry["selectedCandidatePairId"]);
  }
  const pairs: PairFact[] = [];
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
  for (const [id, entry] of entries) {
    switch (entry["type"]) {
      case "candidate-pair": {
        const remote = entries.get(String(entry["remoteCandidateId"]));
        const local = entries.get(String(entry["localCandidateId"]));
        const protocol = (remote ?? local)?.["protocol"] === "tcp" ? "tcp" : "udp";
        const seconds = amountOrNull(entry, "currentRoundTripTime");
        const roundTripMs = seconds === null ? null : seconds * 1000;
        const selected = selectedIds.has(id);
        pairs.push({ protocol, succeeded: entry["state"] === "succeeded", selected, roundTripMs });
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
  return { pairs, offered, totals };
}
