import type { Cancel, Clock } from "../../src/core/clock";
import type { Socket } from "../../src/core/connection";
import type { Limits, Self, ServerMessage } from "../../src/core/wire";

/** Time that only moves when a test says so. */
export class FakeClock implements Clock {
  private now = 1_000_000;
  private timers: { at: number; order: number; run: () => void }[] = [];
  private orders = 0;

  nowMs(): number {
    return this.now;
  }

  after(delayMs: number, run: () => void): Cancel {
    this.orders += 1;
    const timer = { at: this.now + delayMs, order: this.orders, run };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }

  get pending(): number {
    return this.timers.length;
  }

  /** Runs what falls due, in order, and lets promises settle in between. */
  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      await settle();
      this.timers.sort((a, b) => a.at - b.at || a.order - b.order);
      const [next] = this.timers;
      if (next === undefined || next.at > end) break;
      this.timers.shift();
      this.now = next.at;
      next.run();
    }
    this.now = end;
    await settle();
  }
}

/** Lets everything that waits only for promises go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

export const SELF: Self = { id: "u1", name: "Ada", kind: "guest", role: "user" };
export const LIMITS: Limits = { chat_chars: 1000, message_bytes: 32768, ping_seconds: 10, resume_seconds: 20 };

export type Sent = Record<string, unknown> & { type: string };

/** The service's end of a WebSocket. */
export class FakeSocket implements Socket {
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  readonly sent: Sent[] = [];
  closed = false;
  closedWith: number | undefined;

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Sent);
  }

  close(code?: number): void {
    this.closed = true;
    this.closedWith = code;
  }

  open(): void {
    this.onopen?.(new Event("open"));
  }

  say(message: Partial<ServerMessage> & { type: ServerMessage["type"] }): void {
    this.onmessage?.({ data: JSON.stringify(message) } as MessageEvent);
  }

  sayText(text: string): void {
    this.onmessage?.({ data: text } as MessageEvent);
  }

  welcome(more: Record<string, unknown> = {}): void {
    this.sayText(
      JSON.stringify({
        type: "welcome", seq: 0, protocol: 1, seat: "seat-1", resumed: false, received: 0, user: SELF, limits: LIMITS, stun: [], legs: "always", ...more,
      }),
    );
  }

  end(code = 1006): void {
    this.onclose?.({ code } as CloseEvent);
  }

  of(type: string): Sent[] {
    return this.sent.filter((message) => message.type === type);
  }
}
