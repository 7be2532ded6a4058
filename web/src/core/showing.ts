import { type Cancel, type Clock, every } from "./clock";
import type { Outgoing } from "./connection";
import type { OwnTracks } from "./sending";
import { type LevelMeter, MutedTalk } from "./sound";

export interface Placeholding {
  get(): MediaStreamTrack | null;
  stop(): void;
}

export interface ShowingOptions {
  readonly clock: Clock;
  readonly meter: LevelMeter;
  readonly placeholder: Placeholding;
  readonly devices: () => { readonly cameraTrack: MediaStreamTrack | null; readonly microphoneTrack: MediaStreamTrack | null };
  readonly microphoneOn: () => boolean;
  readonly talking: () => boolean;
  /** To every connection that may carry them. */
  readonly send: (tracks: OwnTracks) => void;
  /** False when the service cannot be told now. */
  readonly say: (message: Outgoing) => boolean;
  readonly onMutedTalk: () => void;
}

const LISTEN_MS = 100;

/** What strangers get of the own devices, and what they are told of it. */
export class Showing {
  private readonly mutedTalk = new MutedTalk();
  private cancelListen: Cancel = () => undefined;
  /** The stranger's page says "camera off" in words of its own. */
  private told = false;
  /** What the service has heard; null: nothing since the count began. */
  private said: string | null = null;

  constructor(private readonly options: ShowingOptions) {}

  /** A track came, went or was exchanged. */
  tracksChanged(): void {
    const { clock, devices, meter, microphoneOn } = this.options;
    const { microphoneTrack } = devices();
    if (microphoneTrack !== null) microphoneTrack.enabled = microphoneOn();
    meter.listen(microphoneTrack);
    this.say();
    this.send();
    this.cancelListen();
    if (microphoneTrack !== null) this.cancelListen = every(clock, LISTEN_MS, () => this.listen());
  }

  /** Muted, or not any more. */
  microphoneSet(): void {
    const { microphoneTrack } = this.options.devices();
    if (microphoneTrack !== null) microphoneTrack.enabled = this.options.microphoneOn();
    this.say();
  }

  strangerIsTold(told: boolean): void {
    if (told === this.told) return;
    this.told = told;
    this.send();
  }

  /** A fresh count: the service knows nothing of what was said. */
  sayAgain(): void {
    this.said = null;
    this.say();
  }

  private send(): void {
    const { devices, placeholder, send } = this.options;
    const { cameraTrack, microphoneTrack: audio } = devices();
    // Where it is told, no picture need say it; but a connection that carries nothing at all looks like a broken one.
    const needless = cameraTrack !== null || (this.told && audio !== null);
    if (needless) placeholder.stop();
    send({ audio, video: needless ? cameraTrack : placeholder.get() });
  }

  private say(): void {
    const { devices, microphoneOn, say } = this.options;
    const { cameraTrack, microphoneTrack } = devices();
    const message = { type: "media", camera: cameraTrack !== null, microphone: microphoneTrack !== null && microphoneOn() } as const;
    const words = JSON.stringify(message);
    if (words !== this.said && say(message)) this.said = words;
  }

  private listen(): void {
    const { clock, meter, microphoneOn, onMutedTalk, talking } = this.options;
    const muted = talking() && !microphoneOn();
    if (this.mutedTalk.hear(muted ? meter.level() : 0, muted, clock.nowMs())) onMutedTalk();
  }
}
