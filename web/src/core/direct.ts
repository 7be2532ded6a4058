import { Attempt } from "./attempt";
import type { Clock } from "./clock";
import type { Outgoing } from "./connection";
import { nothing, type OwnTracks } from "./sending";
import type { ConnectionStats } from "./stats";
import type { Candidate, Description, Route } from "./wire";

export interface DirectOptions {
  readonly clock: Clock;
  readonly open: () => RTCPeerConnection;
  readonly streamOf: (tracks: MediaStreamTrack[]) => MediaStream;
  readonly send: (message: Outgoing) => void;
  /** The stranger's picture and sound by this route; null when there is no connection. */
  readonly onIncoming: (stream: MediaStream | null) => void;
}

interface UnderWay {
  readonly match: string;
  readonly attempt: number;
  readonly ends: Attempt;
}

/** The direct route of the match: at most one attempt at a time, and whatever is about another is dropped. */
export class Direct {
  private now: UnderWay | null = null;
  private tracks: OwnTracks = nothing;
  private lowBandwidth = false;
  private stream: MediaStream | null = null;

  constructor(private readonly options: DirectOptions) {}

  /** What the service says of the direct route of the match that goes on. */
  route({ match, attempt, state, role }: Route): void {
    if (state === "trying") {
      this.end();
      this.begin(match, attempt, role === "polite");
    } else if (this.isAbout(match, attempt)) {
      if (state === "linked") this.now?.ends.bothUp();
      else if (state === "unlinked") this.end();
    }
  }

  heard(message: Candidate | Description): void {
    if (!this.isAbout(message.match, message.attempt)) return;
    if (message.type === "description") void this.now?.ends.describe(message);
    else void this.now?.ends.candidate(message);
  }

  send(tracks: OwnTracks): void {
    this.tracks = tracks;
    this.now?.ends.send(tracks);
  }

  setLowBandwidth(on: boolean): void {
    this.lowBandwidth = on;
    this.now?.ends.setLowBandwidth(on);
  }

  /** A frame of this stream was shown. */
  seen(stream: MediaStream): void {
    if (stream === this.stream) this.now?.ends.seen();
  }

  /** The device has another network. */
  networkChanged(): void {
    this.now?.ends.restart();
  }

  async stats(): Promise<ConnectionStats | null> {
    return this.now === null ? null : this.now.ends.stats();
  }

  end(): void {
    if (this.now === null) return;
    this.now.ends.close();
    this.now = null;
    this.stream = null;
    this.options.onIncoming(null);
  }

  private begin(match: string, attempt: number, polite: boolean): void {
    const { clock, open, streamOf, send, onIncoming } = this.options;
    const ends: Attempt = new Attempt({
      clock,
      connection: open(),
      match,
      attempt,
      polite,
      tracks: this.tracks,
      lowBandwidth: this.lowBandwidth,
      streamOf,
      send,
      onIncoming: (stream) => {
        // An ICE restart describes the same tracks again.
        if (this.now?.ends !== ends || this.stream !== null) return;
        this.stream = stream;
        onIncoming(stream);
      },
    });
    this.now = { match, attempt, ends };
  }

  private isAbout(match: string, attempt: number): boolean {
    return this.now?.match === match && this.now.attempt === attempt;
  }
}
