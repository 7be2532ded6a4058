import type { Vitals } from "./stats";

export interface Beat {
  /** Media came all the time, and now nothing at all does, not even an answer to a check. */
  readonly silent: boolean;
  /** The stranger's picture is decoded, or their sound arrives and there is no picture to wait for. */
  readonly flowing: boolean;
}

/** With sound alone so much comes in a second; without media only checks and reports do. */
const LIVELY_PER_SECOND = 10;
const WINDOW_MS = 1_000;
const SILENT_AFTER_MS = 1_500;
const NO_PICTURE_AFTER_MS = 600;

/** Tells from successive counts whether the stranger is heard. Time is an argument. */
export class Pulse {
  private heard = 0;
  private grewAtMs = 0;
  private window: { readonly heard: number; readonly atMs: number } | null = null;
  /** Whether media came in the last two windows in which anything did: a cut falls into one of them. */
  private lively: readonly [boolean, boolean] = [false, false];
  private quiet = false;
  /** Counts when the connection came up, or came back: what is later is new. */
  private start: Vitals | null = null;
  private soundSinceMs: number | null = null;

  read(vitals: Vitals, nowMs: number): Beat {
    this.start ??= { ...vitals, framesDecoded: 0, audioPackets: 0, videoPackets: 0 };
    this.window ??= { heard: vitals.heard, atMs: nowMs };
    if (vitals.heard !== this.heard) this.grewAtMs = nowMs;
    this.heard = vitals.heard;
    const passedMs = nowMs - this.window.atMs;
    if (passedMs >= WINDOW_MS) {
      const came = vitals.heard - this.window.heard;
      if (came !== 0) this.lively = [this.lively[1], (came * 1000) / passedMs >= LIVELY_PER_SECOND];
      this.window = { heard: vitals.heard, atMs: nowMs };
    }
    const silent = (this.lively[0] || this.lively[1]) && nowMs - this.grewAtMs >= SILENT_AFTER_MS;
    if (silent || this.quiet) {
      this.start = vitals;
      this.soundSinceMs = null;
    }
    this.quiet = silent;
    return { silent, flowing: !silent && this.flows(this.start, vitals, nowMs) };
  }

  /** The browser says itself that nothing is heard. */
  lost(): void {
    this.quiet = true;
  }

  private flows(start: Vitals, now: Vitals, nowMs: number): boolean {
    if (now.framesDecoded > start.framesDecoded) return true;
    if (now.audioPackets <= start.audioPackets) return false;
    this.soundSinceMs ??= nowMs;
    return now.videoPackets === start.videoPackets && nowMs - this.soundSinceMs >= NO_PICTURE_AFTER_MS;
  }
}
