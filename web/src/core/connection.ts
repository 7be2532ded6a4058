import { type Cancel, type Clock } from "./clock";
import {
  type ClientMessage,
  type Limits,
  PROTOCOL_VERSION,
  SERVER_MESSAGE_TYPES,
  type Self,
  type ServerMessage,
  type Welcome,
} from "./wire";

/** What of a browser's WebSocket is used. */
export interface Socket {
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

export type WaitCause = "lost" | "unreachable" | "service_stopping" | "no_token" | "too_many_messages" | "protocol";

export type ConnectionState =
  | { readonly kind: "closed" }
  | { readonly kind: "connecting"; readonly attempt: number }
  | { readonly kind: "open"; readonly user: Self; readonly limits: Limits }
  | { readonly kind: "waiting"; readonly attempt: number; readonly retryAtMs: number; readonly cause: WaitCause }
  /** Another socket of this account took the seat over. */
  | { readonly kind: "replaced" }
  /** Another socket of this account has the seat; `takeOver` takes it. */
  | { readonly kind: "taken" }
  /** An operator ended this connection; `takeOver` comes back. */
  | { readonly kind: "disconnected" };

type Numberless<M> = M extends unknown ? Omit<M, "n"> : never;
/** What callers send: everything but the greeting and the ping, and without its number. */
export type Outgoing = Numberless<Exclude<ClientMessage, { type: "hello" } | { type: "ping" }>>;

export interface ConnectionEvents {
  onState(state: ConnectionState): void;
  /** A numbered message, each once and in order. */
  onMessage(message: ServerMessage): void;
  /** The seat goes on: nothing was lost. */
  onResumed(): void;
  /** A new seat, or one that forgot: what was sent and not acknowledged is lost, a match is over. */
  onFresh(lost: readonly Outgoing[]): void;
}

export interface ConnectionOptions {
  readonly clock: Clock;
  readonly open: () => Socket;
  /** A usable access token, or null when there is none now. */
  readonly token: () => Promise<string | null>;
  /** Told that the service did not take the token. */
  readonly renew: () => Promise<boolean>;
  readonly events: ConnectionEvents;
  /** Within [0, 1): spreads the returns of many clients after a restart. */
  readonly random: () => number;
}

const CLIENT = "burrow-web/1";
/** Unacknowledged messages kept. Over it a message is refused: the sender shows it as failed. */
const OUTBOX = 256;
const WELCOME_WITHIN_MS = 10_000;
/** For an answer to a ping that was sent because the network may have changed. */
const ANSWER_MS = 2_000;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 8_000;

/** Ends the seat; whoever means to come back must say something else. */
const DONE = 1000;
const COMING_BACK = 4900;
const CLOSED_BY_SERVICE = 1012;
const PROTOCOL_VIOLATION = 4000;
const REPLACED = 4001;
const NOT_AUTHENTICATED = 4002;
const TOO_MANY_MESSAGES = 4003;
const SEAT_TAKEN = 4005;
const PUT_OUT = 4006;

function parse(data: unknown): ServerMessage | null {
  if (typeof data !== "string") return null;
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return null;
  }
  return isServerMessage(value) ? value : null;
}

/** The service checks its own messages against the schema; here it is enough to know the type. */
function isServerMessage(value: unknown): value is ServerMessage {
  if (typeof value !== "object" || value === null || !("type" in value)) return false;
  return typeof value.type === "string" && SERVER_MESSAGE_TYPES.has(value.type);
}

/**
 * The one WebSocket: greets, pings, and comes back after a loss with the same seat, so that messages
 * in flight are neither lost nor doubled (docs/protocol.md, chapter 2.2).
 */
export class Connection {
  private current: ConnectionState = { kind: "closed" };
  private socket: Socket | null = null;
  private cancelTimer: Cancel = () => undefined;
  private cancelPing: Cancel = () => undefined;
  private attempt = 0;
  private seat: string | null = null;
  private received = 0;
  private sent = 0;
  private outbox: { n: number; message: Outgoing }[] = [];
  private takeOverNext = false;
  private retryAfterMs: number | null = null;
  private pingSentAtMs: number | null = null;
  private checking = false;
  private heardAtMs = 0;
  private roundTrip: number | null = null;
  private stunUrls: readonly string[] = [];

  constructor(private readonly options: ConnectionOptions) {}

  get state(): ConnectionState {
    return this.current;
  }

  /** The relay's own STUN addresses: for the direct route and the network check. */
  get stun(): readonly string[] {
    return this.stunUrls;
  }

  /** Of the last ping, in milliseconds. */
  get roundTripMs(): number | null {
    return this.roundTrip;
  }

  /** Starts, unless it is already under way. */
  connect(): void {
    if (this.current.kind === "closed") void this.dial();
  }

  /** Takes the seat from the account's other socket. */
  takeOver(): void {
    if (!["taken", "replaced", "disconnected"].includes(this.current.kind)) return;
    this.takeOverNext = true;
    this.forgetSeat();
    void this.dial();
  }

  /** The wait is cut short, for instance when the browser says it is online again. */
  retryNow(): void {
    if (this.current.kind === "waiting") void this.dial();
  }

  /** The network may be another one: a socket that does not answer soon is given up. */
  check(): void {
    if (this.current.kind !== "open" || this.checking) return;
    this.cancelPing();
    const periodMs = this.current.limits.ping_seconds * 1000;
    const askedAtMs = this.options.clock.nowMs();
    this.checking = true;
    this.pingSentAtMs = askedAtMs;
    this.write({ type: "ping", n: 0, received: this.received });
    this.cancelPing = this.options.clock.after(ANSWER_MS, () => {
      this.checking = false;
      if (this.pingSentAtMs === askedAtMs && this.heardAtMs <= askedAtMs) this.lose();
      else this.ping(periodMs);
    });
  }

  close(): void {
    this.dropSocket(DONE);
    this.forgetSeat();
    this.attempt = 0;
    this.change({ kind: "closed" });
  }

  /** False when it cannot be kept: there is no seat to keep it for, or too much is unacknowledged. */
  send(message: Outgoing): boolean {
    if (this.seat === null || this.outbox.length >= OUTBOX) return false;
    this.sent += 1;
    this.outbox.push({ n: this.sent, message });
    if (this.current.kind === "open") this.write({ ...message, n: this.sent });
    return true;
  }

  private async dial(): Promise<void> {
    this.dropSocket(COMING_BACK);
    this.attempt += 1;
    this.change({ kind: "connecting", attempt: this.attempt });
    const dialling = this.attempt;
    const token = await this.options.token();
    // Closed, or dialled again, while the token was on its way.
    if (this.current.kind !== "connecting" || this.attempt !== dialling) return;
    if (token === null) {
      this.wait("no_token");
      return;
    }
    const socket = this.options.open();
    this.socket = socket;
    let welcomed = false;
    socket.onopen = () => {
      if (this.socket !== socket) return;
      const resume = this.seat === null ? null : { seat: this.seat, received: this.received };
      const takeOver = this.takeOverNext;
      socket.send(
        JSON.stringify({ type: "hello", n: 0, token, resume, take_over: takeOver, direct: true, client: CLIENT } satisfies ClientMessage),
      );
    };
    socket.onmessage = (event) => {
      if (this.socket !== socket) return;
      const message = parse(event.data);
      if (message === null) return;
      this.heardAtMs = this.options.clock.nowMs();
      if (message.type === "welcome") {
        welcomed = true;
        this.welcome(message);
      } else if (message.type === "pong") {
        this.pong(message.received);
      } else {
        this.take(message);
      }
    };
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.closed(event.code, welcomed);
    };
    this.cancelTimer = this.options.clock.after(WELCOME_WITHIN_MS, () => this.lose());
  }

  private welcome(message: Welcome): void {
    this.cancelTimer();
    this.takeOverNext = false;
    this.attempt = 0;
    const lost = this.outbox.map(({ message: unsent }) => unsent);
    this.seat = message.seat;
    if (message.resumed) {
      this.acknowledge(message.received);
    } else {
      this.received = 0;
      this.sent = 0;
      this.outbox = [];
    }
    const { user, limits } = message;
    this.stunUrls = message.stun;
    if (message.protocol !== PROTOCOL_VERSION) console.warn(`the service speaks protocol ${message.protocol}`);
    this.change({ kind: "open", user, limits });
    if (message.resumed) {
      for (const { n, message: again } of this.outbox) this.write({ ...again, n });
      this.options.events.onResumed();
    } else {
      this.options.events.onFresh(lost);
    }
    this.pingSentAtMs = null;
    this.ping(limits.ping_seconds * 1000);
  }

  private ping(periodMs: number): void {
    const { clock } = this.options;
    const silentForMs = clock.nowMs() - this.heardAtMs;
    if (this.pingSentAtMs !== null && silentForMs >= periodMs) {
      this.lose();
      return;
    }
    this.pingSentAtMs = clock.nowMs();
    this.write({ type: "ping", n: 0, received: this.received });
    this.cancelPing = clock.after(periodMs, () => this.ping(periodMs));
  }

  private pong(received: number): void {
    if (this.pingSentAtMs !== null) this.roundTrip = this.options.clock.nowMs() - this.pingSentAtMs;
    this.pingSentAtMs = null;
    this.acknowledge(received);
  }

  private acknowledge(received: number): void {
    this.outbox = this.outbox.filter(({ n }) => n > received);
  }

  private take(message: ServerMessage): void {
    if (message.type === "closing") this.retryAfterMs = message.retry_after_seconds * 1000;
    if (message.seq !== 0) {
      if (message.seq <= this.received) return;
      if (message.seq !== this.received + 1) {
        // Something between was lost on this socket: another one asks for it again.
        this.lose();
        return;
      }
      this.received = message.seq;
    }
    this.options.events.onMessage(message);
  }

  private closed(code: number, welcomed: boolean): void {
    this.cancelTimer();
    this.cancelPing();
    this.checking = false;
    switch (code) {
      case REPLACED:
        this.forgetSeat();
        this.change({ kind: "replaced" });
        return;
      case SEAT_TAKEN:
        this.forgetSeat();
        this.change({ kind: "taken" });
        return;
      case PUT_OUT:
        this.forgetSeat();
        this.change({ kind: "disconnected" });
        return;
      case NOT_AUTHENTICATED:
        void this.options.renew().then(() => {
          if (this.current.kind !== "closed") this.wait("no_token");
        });
        return;
      case PROTOCOL_VIOLATION:
        this.forgetSeat();
        this.wait("protocol", LONGEST_DELAY_MS / 2);
        return;
      case TOO_MANY_MESSAGES:
        this.wait("too_many_messages", LONGEST_DELAY_MS);
        return;
      case CLOSED_BY_SERVICE:
        this.wait("service_stopping", this.retryAfterMs ?? FIRST_DELAY_MS);
        return;
      default:
        this.wait(welcomed || this.seat !== null ? "lost" : "unreachable");
    }
  }

  /** Gives this socket up and comes back with another. */
  private lose(): void {
    this.dropSocket(COMING_BACK);
    this.wait("lost");
  }

  private wait(cause: WaitCause, atLeastMs = 0): void {
    this.dropSocket(COMING_BACK);
    const growing = Math.min(FIRST_DELAY_MS * 2 ** Math.max(0, this.attempt - 1), LONGEST_DELAY_MS);
    const delayMs = Math.max(atLeastMs, growing) * (1 + this.options.random() / 2);
    this.retryAfterMs = null;
    this.change({ kind: "waiting", attempt: this.attempt, retryAtMs: this.options.clock.nowMs() + delayMs, cause });
    this.cancelTimer = this.options.clock.after(delayMs, () => void this.dial());
  }

  private dropSocket(code: number): void {
    this.cancelTimer();
    this.cancelPing();
    this.checking = false;
    const socket = this.socket;
    this.socket = null;
    socket?.close(code);
  }

  private forgetSeat(): void {
    this.seat = null;
    this.received = 0;
    this.sent = 0;
    this.outbox = [];
  }

  private write(message: ClientMessage): void {
    this.socket?.send(JSON.stringify(message));
  }

  private change(state: ConnectionState): void {
    this.current = state;
    this.options.events.onState(state);
  }
}
