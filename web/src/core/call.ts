import type { Outgoing } from "./connection";
import type { By, EndReason, Queued, Route, RouteName, ServerMessage, Stranger } from "./types";

/** Two users who were brought together, as one of them sees it. */
export interface Talk {
  readonly match: string;
  readonly stranger: Stranger;
  readonly matchedAtMs: number;
  /** The newest of each route; messages of an older one are stale. */
  readonly attempts: Readonly<Record<RouteName, number>>;
  /** Which route's picture is shown: the one that was connected last. Null until one was. */
  readonly shown: RouteName | null;
  /** What the stranger shows, where their client says so. */
  readonly media: StrangerShows | null;
}

export interface StrangerShows {
  readonly camera: boolean;
  readonly microphone: boolean;
}

export interface Preferences {
  readonly interests: readonly string[];
  readonly languages: readonly string[];
  readonly hideAddress: boolean;
}

export type Interruption =
  /** Our own socket is away; the media may go on. */
  | "socket"
  /** Nothing is heard over the route. */
  | "media"
  /** The same, and it is known on whose side. */
  | "own_side"
  | "their_side"
  /** The direct route was lost; the relay is coming. */
  | "direct_lost"
  /** The route is being changed; the last picture stays. */
  | "route";

/** Why the relay is taken; the words are in the catalogue under `call.why`. */
export const ROUTE_REASONS = ["address_hidden", "udp_blocked", "both_symmetric", "direct_slow", "direct_failed", "direct_lost"] as const;
export type RouteReason = (typeof ROUTE_REASONS)[number];

/** Where the user is. Everything the screens show of a call comes from this one value. */
export type CallState =
  | { readonly kind: "lobby" }
  /** Start was pressed and the service has not answered yet. */
  | { readonly kind: "joining"; readonly sinceMs: number; readonly preferences: Preferences }
  | {
      readonly kind: "finding";
      readonly sinceMs: number;
      readonly preferences: Preferences;
      readonly position: number;
      readonly waiting: number;
      readonly online: number;
      readonly estimateSeconds: number | null;
    }
  | {
      readonly kind: "connecting";
      readonly talk: Talk;
      readonly preferences: Preferences;
      /** What is being tried, and why it is that one. */
      readonly route: RouteName | null;
      readonly reason: RouteReason | null;
    }
  | {
      readonly kind: "connected";
      readonly talk: Talk;
      readonly preferences: Preferences;
      readonly route: RouteName;
      /** Why the match went by relay, as last told. */
      readonly reason: RouteReason | null;
      readonly connectedAtMs: number;
    }
  | {
      readonly kind: "reconnecting";
      readonly talk: Talk;
      readonly preferences: Preferences;
      readonly route: RouteName | null;
      readonly reason: RouteReason | null;
      readonly connectedAtMs: number | null;
      readonly cause: Interruption;
      readonly sinceMs: number;
    }
  | {
      readonly kind: "ended";
      readonly talk: Talk;
      readonly preferences: Preferences;
      readonly reason: EndReason | "service_restarted";
      readonly by: By;
      /** When the search starts by itself, if it does. */
      readonly nextAtMs: number | null;
    };

export type CallEvent =
  | { readonly kind: "start"; readonly preferences: Preferences }
  /** Out of the queue, or out of an ended call, to the lobby. */
  | { readonly kind: "cancel" }
  | { readonly kind: "next" }
  | { readonly kind: "stop" }
  | { readonly kind: "block" }
  | { readonly kind: "stay" }
  | { readonly kind: "tick" }
  | { readonly kind: "message"; readonly message: ServerMessage }
  | { readonly kind: "socket_lost" }
  | { readonly kind: "socket_resumed" }
  | { readonly kind: "socket_fresh" }
  /** Signed out, or another window took over. */
  | { readonly kind: "reset" };

export interface Step {
  readonly state: CallState;
  readonly send: readonly Outgoing[];
}

export interface CallSettings {
  readonly autoNext: boolean;
}

/** Time to read why a call ended, and to stop the next search. */
export const AUTO_NEXT_AFTER_MS = 4_000;

export const lobby: CallState = { kind: "lobby" };

/** The states in which a stranger is there: leaving them asks first. */
export function inTalk(
  state: CallState,
): state is Extract<CallState, { kind: "connecting" | "connected" | "reconnecting" }> {
  return state.kind === "connecting" || state.kind === "connected" || state.kind === "reconnecting";
}

function join(preferences: Preferences): Outgoing {
  return {
    type: "join",
    interests: preferences.interests,
    languages: preferences.languages,
    hide_address: preferences.hideAddress,
  };
}

function stay(state: CallState): Step {
  return { state, send: [] };
}

function search(preferences: Preferences, nowMs: number): Step {
  return { state: { kind: "joining", sinceMs: nowMs, preferences }, send: [join(preferences)] };
}

/** What happened, to what is the case and what is to be said. Pure: time is an argument. */
export function step(state: CallState, event: CallEvent, nowMs: number, settings: CallSettings): Step {
  switch (event.kind) {
    case "start":
      return state.kind === "lobby" || state.kind === "ended" ? search(event.preferences, nowMs) : stay(state);
    case "cancel":
      if (state.kind === "joining" || state.kind === "finding") return { state: lobby, send: [{ type: "leave" }] };
      return state.kind === "ended" ? stay(lobby) : stay(state);
    case "next":
      if (state.kind === "ended") return search(state.preferences, nowMs);
      if (!inTalk(state)) return stay(state);
      return { state: { kind: "joining", sinceMs: nowMs, preferences: state.preferences }, send: [{ type: "next" }] };
    case "stop":
      return inTalk(state) ? { state: lobby, send: [{ type: "leave" }] } : stay(state);
    case "block":
      return inTalk(state) ? { state, send: [{ type: "block" }] } : stay(state);
    case "stay":
      return state.kind === "ended" ? stay({ ...state, nextAtMs: null }) : stay(state);
    case "tick":
      if (state.kind === "ended" && state.nextAtMs !== null && nowMs >= state.nextAtMs) {
        return search(state.preferences, nowMs);
      }
      return stay(state);
    case "socket_lost":
      if (state.kind === "ended") return stay({ ...state, nextAtMs: null });
      return inTalk(state) ? stay(interrupted(state, "socket", nowMs)) : stay(state);
    case "socket_resumed":
      return state.kind === "reconnecting" && state.cause === "socket" ? stay(restored(state)) : stay(state);
    case "socket_fresh":
      return fresh(state, nowMs);
    case "reset":
      return stay(lobby);
    case "message":
      return heard(state, event.message, nowMs, settings);
  }
}

type InTalk = Extract<CallState, { kind: "connecting" | "connected" | "reconnecting" }>;

function interrupted(state: InTalk, cause: Interruption, nowMs: number): CallState {
  const { talk, preferences, route, reason } = state;
  const sinceMs = state.kind === "reconnecting" ? state.sinceMs : nowMs;
  const connectedAtMs = state.kind === "connecting" ? null : state.connectedAtMs;
  return { kind: "reconnecting", talk, preferences, route, reason, connectedAtMs, cause, sinceMs };
}

function restored(state: Extract<CallState, { kind: "reconnecting" }>): CallState {
  const { talk, preferences, route, reason, connectedAtMs } = state;
  if (connectedAtMs === null || route === null) return { kind: "connecting", talk, preferences, route, reason };
  return { kind: "connected", talk, preferences, route, reason, connectedAtMs };
}

/** The service knows nothing of what was: a talk is over, a search starts anew. */
function fresh(state: CallState, nowMs: number): Step {
  if (inTalk(state)) {
    const { talk, preferences } = state;
    return stay({ kind: "ended", talk, preferences, reason: "service_restarted", by: "service", nextAtMs: null });
  }
  if (state.kind === "joining" || state.kind === "finding") return search(state.preferences, nowMs);
  return stay(state);
}

function heard(state: CallState, message: ServerMessage, nowMs: number, settings: CallSettings): Step {
  switch (message.type) {
    case "queued":
      return queued(state, message, nowMs);
    case "matched": {
      // In the lobby it crossed our `leave`, which ends it: nobody is shown to a user who cancelled.
      if (state.kind === "lobby") return { state, send: [{ type: "leave" }] };
      if (state.kind !== "joining" && state.kind !== "finding") return stay(state);
      const { match, stranger } = message;
      const talk: Talk = { match, stranger, matchedAtMs: nowMs, attempts: { direct: 0, relay: 0 }, shown: null, media: null };
      return stay({ kind: "connecting", talk, preferences: state.preferences, route: null, reason: null });
    }
    case "route": {
      if (!inTalk(state) || message.match !== state.talk.match) return stay(state);
      const { attempts } = state.talk;
      if (message.attempt < attempts[message.route]) return stay(state);
      const talk: Talk = { ...state.talk, attempts: { ...attempts, [message.route]: message.attempt } };
      return stay(routed({ ...state, talk }, message, nowMs));
    }
    case "stranger_media": {
      if (!inTalk(state) || message.match !== state.talk.match) return stay(state);
      const { camera, microphone } = message;
      return stay({ ...state, talk: { ...state.talk, media: { camera, microphone } } });
    }
    case "ended": {
      if (!inTalk(state) || message.match !== state.talk.match) return stay(state);
      const { talk, preferences } = state;
      const goesOn = settings.autoNext && message.by !== "you" && message.reason !== "service_stopping";
      const nextAtMs = goesOn ? nowMs + AUTO_NEXT_AFTER_MS : null;
      return stay({ kind: "ended", talk, preferences, reason: message.reason, by: message.by, nextAtMs });
    }
    case "error":
      // The stranger's end crossed our `next`: there is nobody to go on from, so search from the start.
      if (message.about === "next" && state.kind === "joining") return { state, send: [join(state.preferences)] };
      // The search was refused (a limit, a ban): back to where it can be tried again.
      if (message.about === "join" && state.kind === "joining" && !message.code.startsWith("already_")) return stay(lobby);
      return stay(state);
    default:
      return stay(state);
  }
}

function queued(state: CallState, message: Queued, nowMs: number): Step {
  // A place from before a reload, or a message that crossed our `leave`: nobody waits without knowing it.
  if (state.kind === "lobby") return { state, send: [{ type: "leave" }] };
  const sinceMs = state.kind === "joining" || state.kind === "finding" ? state.sinceMs : nowMs;
  const { position, waiting, online, estimate_seconds: estimateSeconds } = message;
  return stay({ kind: "finding", sinceMs, preferences: state.preferences, position, waiting, online, estimateSeconds });
}

/**
 * Each route has its own story; only that of the one whose picture is shown changes what the user sees,
 * and another takes its place when it is connected (docs/protocol.md, section 3.2).
 */
function routed(state: InTalk, { state: now, route, reason }: Route, nowMs: number): CallState {
  const carries = state.kind === "connected" ? state.route : null;
  switch (now) {
    case "trying":
    case "linked": {
      if (carries !== null) return state;
      const why = now === "trying" ? known(reason) : state.reason;
      if (state.kind === "reconnecting") return route === "direct" ? state : interrupted({ ...state, route, reason: why }, "route", nowMs);
      // The relay is only told when it is to carry, so it is what one waits for.
      return { ...state, route: state.route === "relay" ? "relay" : route, reason: why ?? state.reason };
    }
    case "connected": {
      const { preferences, talk } = state;
      const connectedAtMs = state.kind === "connecting" ? nowMs : (state.connectedAtMs ?? nowMs);
      const why = route === "relay" ? state.reason : null;
      return { kind: "connected", talk: { ...talk, shown: route }, preferences, route, reason: why, connectedAtMs };
    }
    case "interrupted":
      if (carries !== null ? carries !== route : route === "direct") return state;
      return interrupted(state, INTERRUPTIONS[reason ?? ""] ?? "media", nowMs);
    case "unlinked":
      // The last picture stays, and the other route's story says what comes.
      if (carries !== null ? carries !== route : route === "direct") return state;
      return state.kind === "connecting" ? state : interrupted(state, "route", nowMs);
  }
}

const INTERRUPTIONS: Readonly<Record<string, Interruption>> = {
  your_connection: "own_side",
  stranger_connection: "their_side",
  direct_lost: "direct_lost",
};

function known(reason: string | null): RouteReason | null {
  return ROUTE_REASONS.find((one) => one === reason) ?? null;
}
