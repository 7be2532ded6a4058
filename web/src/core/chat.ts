import type { Cancel, Clock } from "./clock";
import type { Outgoing } from "./connection";
import { CHAT_MAX_CHARS } from "./wire";
import type { ServerMessage } from "./wire";

export type ChatStatus = "sending" | "sent" | "delivered" | "failed";

export type ChatLine =
  | { readonly from: "you"; readonly id: string; readonly text: string; readonly atMs: number; readonly status: ChatStatus }
  | { readonly from: "stranger"; readonly id: string; readonly text: string; readonly atMs: number };

export interface ChatState {
  readonly lines: readonly ChatLine[];
  readonly strangerTypes: boolean;
  readonly unread: number;
}

export const emptyChat: ChatState = { lines: [], strangerTypes: false, unread: 0 };

/** Lines kept of one talk; the oldest go first. A talk that long has been read. */
const LINES = 500;
/** Without an acknowledgement for so long a line is shown as failed, with a way to send it again. */
const FAILED_AFTER_MS = 10_000;
/** The service forgets `typing` 5 s after the last one, so it is told again before that. */
const TYPING_AGAIN_MS = 3_000;
const TYPING_STOPS_MS = 4_000;

export interface ChatOptions {
  readonly clock: Clock;
  readonly send: (message: Outgoing) => boolean;
  readonly onChange: (state: ChatState) => void;
  readonly newId: () => string;
}

/** In code points, as the service counts. */
export function charsOf(text: string): number {
  return Array.from(text).length;
}

/** The talk in writing: lines with what became of them, who types, and what was not read. */
export class Chat {
  private current: ChatState = emptyChat;
  private inView = true;
  private readonly timers = new Map<string, Cancel>();
  private typingToldAtMs: number | null = null;
  private cancelTyping: Cancel = () => undefined;

  constructor(private readonly options: ChatOptions) {}

  get state(): ChatState {
    return this.current;
  }

  /** A new talk: nothing of the last one stays. */
  clear(): void {
    for (const cancel of this.timers.values()) cancel();
    this.timers.clear();
    this.cancelTyping();
    this.typingToldAtMs = null;
    this.change(emptyChat);
  }

  /** The talk is over: what was not acknowledged will not be. */
  end(): void {
    for (const id of [...this.timers.keys()]) this.mark(id, "failed");
    this.cancelTyping();
    this.typingToldAtMs = null;
    this.change({ ...this.current, strangerTypes: false });
  }

  /** False when the text is empty or too long. */
  say(text: string): boolean {
    const chars = charsOf(text);
    if (text.trim() === "" || chars > CHAT_MAX_CHARS) return false;
    const id = this.options.newId();
    const line: ChatLine = { from: "you", id, text, atMs: this.options.clock.nowMs(), status: "sending" };
    this.append(line, 0);
    this.cancelTyping();
    this.typingToldAtMs = null;
    this.transmit(id, text);
    return true;
  }

  /** Sends a failed line again under its id, so that one that did arrive is not doubled. */
  retry(id: string): void {
    const line = this.current.lines.find((candidate) => candidate.id === id && candidate.from === "you");
    if (line?.from !== "you" || line.status !== "failed") return;
    this.mark(id, "sending");
    this.transmit(id, line.text);
  }

  /** The input's text changed. */
  typed(text: string): void {
    if (text === "") {
      this.stopTyping();
      return;
    }
    const { clock } = this.options;
    const now = clock.nowMs();
    if (this.typingToldAtMs === null || now - this.typingToldAtMs >= TYPING_AGAIN_MS) {
      if (this.options.send({ type: "typing", active: true })) this.typingToldAtMs = now;
    }
    this.cancelTyping();
    this.cancelTyping = clock.after(TYPING_STOPS_MS, () => this.stopTyping());
  }

  /** Whether the lines can be seen: what comes while they cannot counts as unread. */
  setInView(inView: boolean): void {
    this.inView = inView;
    if (inView && this.current.unread > 0) this.change({ ...this.current, unread: 0 });
  }

  /** No stop of typing can be heard while the socket is away. */
  socketLost(): void {
    if (this.current.strangerTypes) this.change({ ...this.current, strangerTypes: false });
  }

  handle(message: ServerMessage): void {
    switch (message.type) {
      case "chat": {
        this.options.send({ type: "chat_received", id: message.id });
        const known = this.current.lines.some((line) => line.from === "stranger" && line.id === message.id);
        if (known) return;
        const line: ChatLine = { from: "stranger", id: message.id, text: message.text, atMs: message.at_ms };
        this.append(line, this.inView ? 0 : 1, false);
        return;
      }
      case "chat_accepted":
        this.mark(message.id, "sent");
        return;
      case "chat_delivered":
        this.mark(message.id, "delivered");
        return;
      case "typing":
        this.change({ ...this.current, strangerTypes: message.active });
        return;
      case "error":
        if (message.about === "chat") {
          for (const id of [...this.timers.keys()]) this.mark(id, "failed");
        }
        return;
      default:
    }
  }

  private transmit(id: string, text: string): void {
    if (!this.options.send({ type: "chat", id, text })) {
      this.mark(id, "failed");
      return;
    }
    this.timers.set(
      id,
      this.options.clock.after(FAILED_AFTER_MS, () => this.mark(id, "failed")),
    );
  }

  private stopTyping(): void {
    this.cancelTyping();
    if (this.typingToldAtMs === null) return;
    this.typingToldAtMs = null;
    this.options.send({ type: "typing", active: false });
  }

  private append(line: ChatLine, unread: number, strangerTypes = this.current.strangerTypes): void {
    const lines = [...this.current.lines, line].slice(-LINES);
    this.change({ lines, strangerTypes, unread: this.current.unread + unread });
  }

  private mark(id: string, status: ChatStatus): void {
    this.timers.get(id)?.();
    this.timers.delete(id);
    const lines = this.current.lines.map((line): ChatLine => {
      if (line.from !== "you" || line.id !== id) return line;
      // `delivered` is final: an acknowledgement that comes after it takes nothing back.
      return line.status === "delivered" ? line : { ...line, status };
    });
    this.change({ ...this.current, lines });
  }

  private change(state: ChatState): void {
    this.current = state;
    this.options.onChange(state);
  }
}
