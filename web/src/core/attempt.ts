import { type Cancel, type Clock, every } from "./clock";
import type { Outgoing } from "./connection";
import { limitRates, type OwnTracks, putTracks } from "./sending";
import { type ConnectionStats, readStats } from "./stats";
import { Pulse } from "./pulse";
import type { Candidate, Description, DirectState } from "./wire";

export interface AttemptOptions {
  readonly clock: Clock;
  readonly connection: RTCPeerConnection;
  readonly match: string;
  readonly attempt: number;
  readonly polite: boolean;
  readonly tracks: OwnTracks;
  readonly lowBandwidth: boolean;
  readonly streamOf: (tracks: MediaStreamTrack[]) => MediaStream;
  readonly send: (message: Outgoing) => void;
  readonly onIncoming: (stream: MediaStream) => void;
}

/** What the service takes of one side in one attempt; what is over it would only be refused. */
const DESCRIPTIONS = 16;
const CANDIDATES = 64;
const LOOK_MS = 200;
const STATS_EVERY_MS = 10_000;
/** How long a connection that is not heard may come back by itself before new ways are gathered. */
const RESTART_AFTER_MS = { impolite: 1_000, polite: 2_500 } as const;
const RESTARTS = 4;

/**
 * One attempt to reach the stranger directly: perfect negotiation through the service (W3C WebRTC 1.0,
 * section 10.7), and the facts about this end of it (docs/protocol.md, section 3.3). It decides nothing:
 * only who made it closes it.
 */
export class Attempt {
  private readonly connection: RTCPeerConnection;
  private tracks: OwnTracks;
  private lowBandwidth: boolean;
  /** Descriptions and changes of tracks go one after the other, so nothing collides within this end. */
  private work: Promise<void> = Promise.resolve();
  private closed = false;
  private offerWanted = false;
  private ignoring = false;
  private described = 0;
  private candidates = 0;
  /** Found before our description was sent; the stranger could not place them. */
  private found: RTCIceCandidate[] | null = [];
  /** Heard before the stranger's description. */
  private early: RTCIceCandidateInit[] | null = [];
  private told: DirectState["state"] | null = null;
  private saidAtMs = 0;
  private flowing = false;
  private restarts = 0;
  /** At any time: from then on an old picture may be on the screen. */
  private interrupted = false;
  private readonly pulse = new Pulse();
  private cancelLook: Cancel = () => undefined;
  private cancelRestart: Cancel = () => undefined;

  constructor(private readonly options: AttemptOptions) {
    this.connection = options.connection;
    this.tracks = options.tracks;
    this.lowBandwidth = options.lowBandwidth;
    this.connection.onicecandidate = ({ candidate }) => this.candidateFound(candidate);
    this.connection.onconnectionstatechange = () => this.stateChanged();
    if (options.polite) return;
    for (const kind of ["audio", "video"] as const) {
      // The track from the start: it is sent as soon as there is a way.
      this.connection.addTransceiver(this.tracks[kind] ?? kind, { direction: "sendrecv" });
    }
    void this.offer();
  }

  /** The stranger's offer or answer. */
  describe({ kind, sdp }: Description): Promise<void> {
    return this.queue(async () => {
      const { connection, options } = this;
      if (kind === "offer") {
        const collides = connection.signalingState !== "stable";
        this.ignoring = collides && !options.polite;
        // The polite one's own offer is rolled back by this, and made again when the other one is done with.
        if (this.ignoring) return;
        if (collides) this.offerWanted = true;
      } else if (connection.signalingState !== "have-local-offer") {
        return;
      }
      await connection.setRemoteDescription({ type: kind, sdp });
      const early = this.early ?? [];
      this.early = null;
      for (const candidate of early) await this.add(candidate);
      if (kind === "offer") {
        for (const transceiver of connection.getTransceivers()) transceiver.direction = "sendrecv";
        await putTracks(connection, this.tracks);
        await this.describeSelf();
      }
      options.onIncoming(options.streamOf(connection.getReceivers().map((receiver) => receiver.track)));
      await limitRates(connection, this.lowBandwidth);
    });
  }

  /** A way to the stranger; an empty one says that there are no more. */
  candidate({ candidate, mid, line, ufrag }: Candidate): Promise<void> {
    return this.queue(async () => {
      if (candidate === "") return;
      const init = { candidate, sdpMid: mid, sdpMLineIndex: line, usernameFragment: ufrag };
      if (this.early !== null) {
        if (this.early.length < CANDIDATES) this.early.push(init);
      } else {
        await this.add(init);
      }
    });
  }

  /** The service has heard that both ends are up: what was said before may have been too early for it. */
  bothUp(): void {
    if (this.flowing) this.sayFlowing();
  }

  /** The stranger's picture of this attempt was really shown. */
  seen(): void {
    if (this.told === "connected" && !this.interrupted) this.nowFlowing();
  }

  send(tracks: OwnTracks): void {
    this.tracks = tracks;
    void this.queue(() => putTracks(this.connection, tracks));
  }

  setLowBandwidth(on: boolean): void {
    this.lowBandwidth = on;
    void this.queue(() => limitRates(this.connection, on));
  }

  /** Other ways are gathered and tried; the connection and what it carries stay. */
  restart(): void {
    if (this.closed || this.early !== null || this.restarts >= RESTARTS) return;
    this.restarts += 1;
    this.connection.restartIce();
    void this.offer();
  }

  async stats(): Promise<ConnectionStats> {
    return readStats(await this.connection.getStats(), { udp: true, tcp: true, tls: false }, this.options.clock.nowMs());
  }

  close(): void {
    this.closed = true;
    this.cancelLook();
    this.cancelRestart();
    this.connection.onicecandidate = null;
    this.connection.onconnectionstatechange = null;
    this.connection.close();
  }

  // --- negotiation ---------------------------------------------------------------------------------

  private offer(): Promise<void> {
    this.offerWanted = true;
    return this.queue(() => Promise.resolve());
  }

  private async describeSelf(): Promise<void> {
    const { connection, options } = this;
    await connection.setLocalDescription();
    const description = connection.localDescription;
    if (this.gone() || description === null || this.described >= DESCRIPTIONS) return;
    if (description.type !== "offer" && description.type !== "answer") return;
    this.described += 1;
    const { match, attempt } = options;
    options.send({ type: "description", match, attempt, kind: description.type, sdp: description.sdp });
    const found = this.found ?? [];
    this.found = null;
    for (const candidate of found) this.tellCandidate(candidate);
  }

  private candidateFound(candidate: RTCIceCandidate | null): void {
    if (candidate === null) return;
    if (this.found !== null) this.found.push(candidate);
    else this.tellCandidate(candidate);
  }

  private tellCandidate({ candidate, sdpMid: mid, sdpMLineIndex: line, usernameFragment: ufrag }: RTCIceCandidate): void {
    if (this.candidates >= CANDIDATES) return;
    this.candidates += 1;
    const { match, attempt, send } = this.options;
    send({ type: "candidate", match, attempt, candidate, mid, line, ufrag });
  }

  private async add(candidate: RTCIceCandidateInit): Promise<void> {
    try {
      await this.connection.addIceCandidate(candidate);
    } catch (error) {
      // Of an offer that was ignored, or one the browser does not understand: the others are enough.
      if (!this.ignoring) console.warn("direct candidate:", error);
    }
  }

  /** Apart, because it may be closed while something is awaited. */
  private gone(): boolean {
    return this.closed;
  }

  private queue(work: () => Promise<void>): Promise<void> {
    this.work = this.work
      .then(async () => {
        if (this.closed) return;
        await work();
        if (this.gone() || !this.offerWanted || this.connection.signalingState !== "stable") return;
        this.offerWanted = false;
        await this.describeSelf();
        await limitRates(this.connection, this.lowBandwidth);
      })
      .catch((error: unknown) => {
        // Closed meanwhile, or a description that cannot be used: the service gives the attempt up in time.
        if (!this.closed) console.warn("direct:", error);
      });
    return this.work;
  }

  // --- facts ---------------------------------------------------------------------------------------

  private stateChanged(): void {
    const { connectionState, iceConnectionState } = this.connection;
    switch (connectionState) {
      case "connected":
        this.cancelRestart();
        this.tell("connected");
        this.cancelLook();
        this.cancelLook = every(this.options.clock, LOOK_MS, () => void this.look());
        return;
      case "disconnected":
        this.tell("interrupted");
        this.restartUnlessBack();
        return;
      case "failed":
        this.cancelLook();
        this.tell("failed", iceConnectionState === "failed" || iceConnectionState === "disconnected" ? "ice" : "dtls");
        return;
      default:
    }
  }

  private restartUnlessBack(): void {
    this.cancelRestart();
    const { clock, polite } = this.options;
    this.cancelRestart = clock.after(RESTART_AFTER_MS[polite ? "polite" : "impolite"], () => this.restart());
  }

  private tell(state: DirectState["state"], step: DirectState["step"] = null, stats: ConnectionStats | null = null): void {
    if (this.told === state && stats === null) return;
    if (state !== "connected") {
      this.flowing = false;
      this.interrupted = true;
      this.pulse.lost();
    }
    this.told = state;
    this.saidAtMs = this.options.clock.nowMs();
    const { match, attempt, send } = this.options;
    send({ type: "direct_state", match, attempt, state, step, stats: stats === null ? null : wireStats(stats) });
  }

  private async look(): Promise<void> {
    const stats = await this.stats().catch(() => null); // A connection that was closed meanwhile tells nothing.
    if (stats === null || this.closed) return;
    const nowMs = this.options.clock.nowMs();
    const beat = this.pulse.read(stats.vitals, nowMs);
    if (beat.silent && this.told === "connected") {
      // Sooner than the browser says it: it waits for several checks to fail.
      this.tell("interrupted");
      this.restartUnlessBack();
      return;
    }
    if (!beat.silent && this.told === "interrupted" && this.connection.connectionState === "connected") {
      this.cancelRestart();
      this.tell("connected");
    }
    if (this.told !== "connected") return;
    if (beat.flowing) this.nowFlowing();
    if (nowMs - this.saidAtMs >= STATS_EVERY_MS) this.tell("connected", null, stats);
  }

  private nowFlowing(): void {
    if (this.flowing) return;
    this.flowing = true;
    this.sayFlowing();
  }

  private sayFlowing(): void {
    const { match, attempt, send } = this.options;
    send({ type: "media_flowing", match, attempt });
  }
}

function wireStats({ totals, vitals }: ConnectionStats): DirectState["stats"] {
  return {
    rtt_ms: totals.roundTripMs,
    sent_packets: vitals.sentPackets,
    received_packets: totals.packetsReceived,
    received_bytes: vitals.receivedBytes,
    lost_packets: Math.max(0, totals.packetsLost),
  };
}
