import type { Outgoing } from "./connection";
import type { By, EndReason, Queued, RouteName, ServerMessage, Stranger } from "./types";

/** Two users who were brought together, as one of them sees it. */
export interface Talk {
  readonly match: string;
  readonly stranger: Stranger;
  readonly matchedAtMs: number;
  /** Of the route; messages of an older attempt are stale. */
  readonly attempt: number;
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
  /** The route is being changed; the last picture stays. */
  | "route";

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
  | { readonly kind: "connecting"; readonly talk: Talk; readonly preferences: Preferences; readonly route: RouteName | null }
  | {
      readonly kind: "connected";
      readonly talk: Talk;
      readonly preferences: Preferences;
      readonly route: RouteName;
      readonly connectedAtMs: number;
    }
  | {
      readonly kind: "reconnecting";
      readonly talk: Talk;
      readonly preferences: Preferences;
      readonly route: RouteName | null;
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
  const { talk, preferences, route } = state;
  const sinceMs = state.kind === "reconnecting" ? state.sinceMs : nowMs;
  const connectedAtMs = state.kind === "connecting" ? null : state.connectedAtMs;
  return { kind: "reconnecting", talk, preferences, route, connectedAtMs, cause, sinceMs };
}

function restored(state: Extract<CallState, { kind: "reconnecting" }>): CallState {
  const { talk, preferences, route, connectedAtMs } = state;
  if (connectedAtMs === null || route === null) return { kind: "connecting", talk, preferences, route };
  return { kind: "connected", talk, preferences, route, connectedAtMs };
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
      const talk: Talk = { match: message.match, stranger: message.stranger, matchedAtMs: nowMs, attempt: 0 };
      return stay({ kind: "connecting", talk, preferences: state.preferences, route: null });
    }
    case "route": {
      if (!inTalk(state) || message.match !== state.talk.match || message.attempt < state.talk.attempt) return stay(state);
      const talk: Talk = { ...state.talk, attempt: message.attempt };
      return stay(routed({ ...state, talk }, message.state, message.route, nowMs));
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

function routed(
  state: InTalk,
  now: "trying" | "linked" | "connected" | "interrupted" | "unlinked",
  route: RouteName,
  nowMs: number,
): CallState {
  const { talk, preferences } = state;
  const connectedAtMs = state.kind === "connecting" ? null : state.connectedAtMs;
  switch (now) {
    case "trying":
    case "linked":
      // Before the first connection this is connecting; later it is a change of route.
      if (connectedAtMs === null) return { kind: "connecting", talk, preferences, route };
      return state.kind === "connected" && state.route === route ? state : interrupted({ ...state, route }, "route", nowMs);
    case "connected":
      return { kind: "connected", talk, preferences, route, connectedAtMs: connectedAtMs ?? nowMs };
    case "interrupted":
      return interrupted(state, "media", nowMs);
    case "unlinked":
      return connectedAtMs === null ? { kind: "connecting", talk, preferences, route } : interrupted({ ...state, route }, "route", nowMs);
  }
}
