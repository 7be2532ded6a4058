import type { Cancel, Clock } from "./clock";

/** Loudness of a microphone, and sounds that are made here rather than loaded. */

const QUIETEST_DB = -60;
const LOUDEST_DB = -12;

/** Root mean square of samples in [-1, 1] to a bar's length in [0, 1], along decibels as ears do. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const rms = Math.sqrt(sum / Math.max(1, samples.length));
  if (rms === 0) return 0;
  const share = (20 * Math.log10(rms) - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB);
  return Math.min(1, Math.max(0, share));
}

/** Above this it is somebody who speaks, not the room. */
export const SPEECH = 0.35;

/** Listens to a copy of a track, so that it also hears a muted microphone. */
export class LevelMeter {
  private context: AudioContext | null = null;
  private copy: MediaStreamTrack | null = null;
  private analyser: AnalyserNode | null = null;
  private samples = new Float32Array(1024);

  listen(track: MediaStreamTrack | null): void {
    this.stop();
    if (track === null) return;
    this.copy = track.clone();
    this.copy.enabled = true;
    this.context ??= new AudioContext();
    this.analyser = this.context.createAnalyser();
    this.analyser.fftSize = 1024;
    this.context.createMediaStreamSource(new MediaStream([this.copy])).connect(this.analyser);
    this.wake();
  }

  /** Browsers may hold sound back until somebody touches the page. */
  wake(): void {
    if (this.context?.state === "suspended") void this.context.resume();
  }

  level(): number {
    if (this.analyser === null) return 0;
    this.analyser.getFloatTimeDomainData(this.samples);
    return loudness(this.samples);
  }

  stop(): void {
    this.copy?.stop();
    this.copy = null;
    this.analyser?.disconnect();
    this.analyser = null;
  }
}

const LOUD_FOR_MS = 600;
const QUIET_BREAKS_MS = 400;
const SILENT_AFTER_HINT_MS = 15_000;

/** When somebody talks while muted: says so once, and not again for some time. */
export class MutedTalk {
  private loudSinceMs: number | null = null;
  private loudAtMs = 0;
  private hintedAtMs = -Infinity;

  /** True when the hint is due. */
  hear(level: number, muted: boolean, nowMs: number): boolean {
    if (!muted) {
      this.loudSinceMs = null;
      return false;
    }
    if (level >= SPEECH) {
      this.loudSinceMs ??= nowMs;
      this.loudAtMs = nowMs;
    } else {
      if (nowMs - this.loudAtMs > QUIET_BREAKS_MS) this.loudSinceMs = null;
      return false;
    }
    if (nowMs - this.loudSinceMs < LOUD_FOR_MS) return false;
    this.loudSinceMs = null;
    if (nowMs - this.hintedAtMs < SILENT_AFTER_HINT_MS) return false;
    this.hintedAtMs = nowMs;
    return true;
  }
}

/** Plays three soft notes on the chosen speaker. */
export async function playTestSound(speakerId: string | null, clock: Clock): Promise<Cancel> {
  const context = new AudioContext();
  const output = context.createMediaStreamDestination();
  const start = context.currentTime + 0.05;
  [523.25, 659.25, 783.99].forEach((frequency, index) => {
    const tone = context.createOscillator();
    const gain = context.createGain();
    const at = start + index * 0.22;
    tone.frequency.value = frequency;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(0.25, at + 0.03);
    gain.gain.exponentialRampToValueAtTime(0.001, at + 0.6);
    tone.connect(gain).connect(output);
    tone.start(at);
    tone.stop(at + 0.65);
  });
  const player = new Audio();
  player.srcObject = output.stream;
  const end = (): void => {
    player.pause();
    if (context.state !== "closed") void context.close();
  };
  try {
    if (speakerId !== null && "setSinkId" in player) await player.setSinkId(speakerId);
    await context.resume();
    await player.play();
  } catch (error) {
    end();
    throw error;
  }
  return clock.after(1_400, end);
}
