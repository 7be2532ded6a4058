import type { Cancel, Clock } from "./clock";
import type { LegOffer, LegState as LegMessage } from "./wire";
import { limitRates, nothing, type OwnTracks, putTracks } from "./sending";
import { type ConnectionStats, type Offered, offeredBy, readStats, withoutUdp } from "./stats";

export type LegState =
  | { readonly kind: "none" }
  | { readonly kind: "opening"; readonly leg: string }
  | { readonly kind: "connected"; readonly leg: string; readonly transport: "udp" | "tcp" | null }
  | { readonly kind: "interrupted"; readonly leg: string }
  | { readonly kind: "closed"; readonly code: string }
  | { readonly kind: "refused"; readonly code: string };

export interface LegOptions {
  readonly clock: Clock;
  /** With the TURN server that came with the offer, if one did. */
  readonly open: (servers: readonly RTCIceServer[]) => RTCPeerConnection;
  readonly streamOf: (tracks: MediaStreamTrack[]) => MediaStream;
  readonly answer: (leg: string, sdp: string) => void;
  /** Whether it is still to be seen if TCP gets through: a browser whose UDP works never tries it. */
  readonly tcpFirst: () => boolean;
  readonly onTcp: () => void;
  /** How the browser says the leg's connection is. */
  readonly onConnection: (leg: string, state: RTCPeerConnectionState) => void;
  readonly onState: (state: LegState) => void;
  /** The stranger's picture and sound; null when there is no connection. The same object for a leg's life. */
  readonly onIncoming: (stream: MediaStream | null) => void;
}

/** How long UDP is held back for that; over it, TCP may still be what is left. */
const TCP_FIRST_MS = 800;
const AUDIO_MID = "0";

/**
 * The one media connection to the relay. It outlives matches: being matched only puts tracks on its
 * senders, and taking them off keeps the bandwidth estimate (docs/protocol.md, chapter 3).
 */
export class Leg {
  private current: LegState = { kind: "none" };
  private connection: RTCPeerConnection | null = null;
  private id: string | null = null;
  private offered: Offered = { udp: false, tcp: false, tls: false };
  private outgoing: OwnTracks = nothing;
  private linked = false;
  private lowBandwidth = false;
  private cancelHold: Cancel = () => undefined;
  /** Negotiations and changes of tracks go one after the other. */
  private work: Promise<void> = Promise.resolve();

  constructor(private readonly options: LegOptions) {}

  get state(): LegState {
    return this.current;
  }

  /** Answers the relay's offer: a new leg, or the same one with fewer codecs. */
  offer(message: LegOffer): Promise<void> {
    let { sdp: offered } = message;
    let held: readonly string[] = [];
    // At once, not in turn: what the relay says next of this leg must find it.
    if (this.id !== message.leg || this.connection === null) {
      this.shut();
      this.id = message.leg;
      const opened = this.options.open(iceServers(message.turn));
      opened.onconnectionstatechange = () => this.options.onConnection(message.leg, opened.connectionState);
      this.connection = opened;
      if (this.options.tcpFirst() && offeredBy(offered).tcp) ({ sdp: offered, candidates: held } = withoutUdp(offered));
      this.change({ kind: "opening", leg: message.leg });
    }
    const connection = this.connection;
    return this.queue(async () => {
      if (this.connection !== connection) return;
      this.offered = offeredBy(message.sdp, message.turn !== null);
      await connection.setRemoteDescription({ type: "offer", sdp: offered });
      if (held.length > 0) this.holdBack(connection, held);
      for (const transceiver of connection.getTransceivers()) transceiver.direction = "sendrecv";
      await connection.setLocalDescription(await connection.createAnswer());
      if (this.replaced(connection)) return;
      const sdp = connection.localDescription?.sdp;
      if (sdp === undefined) return;
      this.options.onIncoming(this.options.streamOf(connection.getReceivers().map((receiver) => receiver.track)));
      this.options.answer(message.leg, sdp);
      await limitRates(connection, this.lowBandwidth);
      await this.putTracks(connection);
    });
  }

  /** How the browser says it is; null when there is none. */
  get connectionState(): RTCPeerConnectionState | null {
    return this.connection?.connectionState ?? null;
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

  send(outgoing: OwnTracks): Promise<void> {
    this.outgoing = outgoing;
    return this.tracksChanged();
  }

  /** Audio first: the own picture small and slow, the sound before it. */
  setLowBandwidth(on: boolean): Promise<void> {
    this.lowBandwidth = on;
    return this.queue(async () => {
      if (this.connection !== null) await limitRates(this.connection, this.lowBandwidth);
    });
  }

  close(): void {
    this.shut();
    this.linked = false;
    this.change({ kind: "none" });
  }

  async stats(nowMs: number): Promise<ConnectionStats | null> {
    if (this.connection === null) return null;
    return readStats(await this.connection.getStats(), this.offered, nowMs);
  }

  /** The relay's UDP addresses are given to the browser when TCP has got through, or has had its time. */
  private holdBack(connection: RTCPeerConnection, held: readonly string[]): void {
    const give = (): void => {
      this.cancelHold();
      connection.oniceconnectionstatechange = null;
      void this.queue(async () => {
        if (this.replaced(connection)) return;
        for (const candidate of held) await connection.addIceCandidate({ candidate, sdpMid: AUDIO_MID });
      });
    };
    this.cancelHold = this.options.clock.after(TCP_FIRST_MS, give);
    connection.oniceconnectionstatechange = () => {
      if (connection.iceConnectionState !== "connected" && connection.iceConnectionState !== "completed") return;
      void this.tellTcp(connection);
      give();
    };
  }

  /** Connected without UDP: directly by TCP, or only through the TURN server. */
  private async tellTcp(connection: RTCPeerConnection): Promise<void> {
    const report = await connection.getStats().catch(() => null); // Closed meanwhile: then nothing is told.
    if (report === null) return;
    const { pairs } = readStats(report, this.offered, this.options.clock.nowMs());
    if (pairs.some(({ protocol, succeeded, turned }) => protocol === "tcp" && succeeded && !turned)) this.options.onTcp();
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

  private putTracks(connection: RTCPeerConnection): Promise<void> {
    return putTracks(connection, this.linked ? this.outgoing : nothing);
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
    this.cancelHold();
    this.connection.oniceconnectionstatechange = null;
    this.connection.onconnectionstatechange = null;
    this.connection.close();
    this.connection = null;
    // What waits for a closed connection waits for ever (W3C WebRTC 1.0, section 4.4.1.2): the next must not.
    this.work = Promise.resolve();
    this.options.onIncoming(null);
  }

  private change(state: LegState): void {
    this.current = state;
    this.options.onState(state);
  }
}

function iceServers(turn: LegOffer["turn"]): RTCIceServer[] {
  return turn === null ? [] : [{ urls: [...turn.urls], username: turn.username, credential: turn.credential }];
}
