import type { Cancel, Clock } from "./clock";
import type { Outgoing } from "./connection";

export interface LegRecoveryOptions {
  readonly clock: Clock;
  /** Kept for a socket that is away, and said when it is back. */
  readonly send: (message: Outgoing) => void;
  readonly socketOpen: () => boolean;
  /** How the leg's connection is now, as the browser says. */
  readonly state: () => RTCPeerConnectionState | null;
}

/** Nothing heard for a moment often comes back by itself. */
const PATIENCE_MS = 1_000;
/** How long an ICE restart may take before the leg is given up for a fresh one. */
const RESTART_MS = 4_000;

/**
 * A leg that is not heard any more: first new ways for the same leg, which keep link, DTLS and SRTP, and
 * a fresh leg where that brings nothing (docs/protocol.md, section 3.5).
 */
export class LegRecovery {
  private leg: string | null = null;
  /** Only a leg that was up can be restarted or replaced. */
  private wasUp = false;
  private restarting = false;
  private cancel: Cancel = () => undefined;

  constructor(private readonly options: LegRecoveryOptions) {}

  /** What the browser says of the leg's connection. */
  connection(leg: string, state: RTCPeerConnectionState): void {
    if (leg !== this.leg) this.forget();
    this.leg = leg;
    if (state === "connected") {
      this.wasUp = true;
      this.well();
    } else if (state === "failed") {
      this.restart();
    } else if (state === "disconnected") {
      this.restartSoon();
    }
  }

  /** The relay does not hear this leg. */
  interrupted(): void {
    this.restartSoon();
  }

  /** The device has another network, or the socket is back from one. */
  networkChanged(): void {
    this.restart();
  }

  /** The socket is back: what was said to it on the way may not have been enough. */
  resumed(): void {
    if (this.options.state() !== "connected") this.restart();
  }

  /** The leg is closed. */
  forget(): void {
    this.well();
    this.leg = null;
    this.wasUp = false;
  }

  private well(): void {
    this.cancel();
    this.restarting = false;
  }

  private restartSoon(): void {
    if (this.restarting) return;
    this.cancel();
    this.cancel = this.options.clock.after(PATIENCE_MS, () => this.restart());
  }

  private restart(): void {
    const { leg } = this;
    if (leg === null || !this.wasUp || this.restarting) return;
    this.cancel();
    this.restarting = true;
    this.options.send({ type: "leg_open", restart: leg });
    this.cancel = this.options.clock.after(RESTART_MS, () => this.replace(leg));
  }

  private replace(leg: string): void {
    if (this.options.state() === "connected") {
      this.well();
    } else if (!this.options.socketOpen()) {
      // The restart has not been heard yet either.
      this.cancel = this.options.clock.after(RESTART_MS, () => this.replace(leg));
    } else {
      this.forget();
      this.options.send({ type: "leg_open", replace: leg });
    }
  }
}
