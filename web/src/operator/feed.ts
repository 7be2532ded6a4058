import type { Cancel, Clock } from "../core/clock";
import type { FeedError, FeedState } from "./wire";

export type FeedStatus = "connecting" | "live" | "away";

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 10_000;
/** A state comes every 2 s. */
const SILENCE_MS = 12_000;

export interface FeedEvents {
  onStatus(status: FeedStatus): void;
  onState(state: FeedState): void;
  /** This account is no operator (any more). */
  onRefused(): void;
}

/** The feed's socket: greets, and comes back after a loss, with a fresh token when the old one is over. */
export class Feed {
  private socket: WebSocket | null = null;
  private cancelTimer: Cancel = () => undefined;
  private attempt = 0;
  private stopped = false;

  constructor(
    private readonly open: () => WebSocket,
    private readonly token: () => Promise<string | null>,
    private readonly clock: Clock,
    private readonly events: FeedEvents,
  ) {}

  async start(): Promise<void> {
    this.events.onStatus(this.attempt === 0 ? "connecting" : "away");
    const token = await this.token();
    if (this.isStopped()) return;
    if (token === null) {
      this.later();
      return;
    }
    const socket = this.open();
    this.socket = socket;
    let refused = false;
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello", token }));
    socket.onmessage = (event) => {
      if (this.socket !== socket) return;
      const message = JSON.parse(String(event.data)) as FeedState | FeedError;
      if (message.type === "error") {
        refused = message.code === "forbidden";
        return;
      }
      this.attempt = 0;
      this.watch(socket);
      this.events.onStatus("live");
      this.events.onState(message);
    };
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.socket = null;
      if (refused) this.events.onRefused();
      else this.later();
    };
    this.watch(socket);
  }

  stop(): void {
    this.stopped = true;
    this.cancelTimer();
    const socket = this.socket;
    this.socket = null;
    socket?.close(1000);
  }

  /** Apart, because it may have changed while something was waited for. */
  private isStopped(): boolean {
    return this.stopped;
  }

  /** Gives the socket up when it falls silent: a connection can be gone without a word. */
  private watch(socket: WebSocket): void {
    this.cancelTimer();
    this.cancelTimer = this.clock.after(SILENCE_MS, () => {
      if (this.socket !== socket) return;
      this.socket = null;
      socket.close();
      this.later();
    });
  }

  private later(): void {
    if (this.stopped) return;
    this.events.onStatus("away");
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** this.attempt, LONGEST_DELAY_MS);
    this.attempt += 1;
    this.cancelTimer();
    this.cancelTimer = this.clock.after(delayMs, () => void this.start());
  }
}
