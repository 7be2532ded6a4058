import { describe, expect, test } from "vitest";
import { AUTO_NEXT_AFTER_MS, type CallEvent, type CallState, inTalk, lobby, type Preferences, step } from "../../src/core/call";
import type { Ended, Route, ServerMessage } from "../../src/core/wire";

const PREFERENCES: Preferences = { interests: ["chess"], languages: ["en"], hideAddress: true };
const JOIN = { type: "join", interests: ["chess"], languages: ["en"], hide_address: true };

/** A state machine with its memory of what was sent. */
class Run {
  state: CallState = lobby;
  sent: unknown[] = [];
  now = 1000;
  autoNext = false;

  do(event: CallEvent): this {
    const { state, send } = step(this.state, event, this.now, { autoNext: this.autoNext });
    this.state = state;
    this.sent.push(...send);
    return this;
  }

  hear(message: ServerMessage): this {
    return this.do({ kind: "message", message });
  }

  start(): this {
    return this.do({ kind: "start", preferences: PREFERENCES });
  }

  queued(position = 3): this {
    return this.hear({ type: "queued", seq: 1, position, waiting: 5, online: 9, estimate_seconds: 12 });
  }

  matched(match = "m1"): this {
    return this.hear({ type: "matched", seq: 2, match, stranger: { name: "Bea", interests: ["chess"] } });
  }

  route(state: Route["state"], more: Partial<Route> = {}): this {
    return this.hear({ type: "route", seq: 3, match: "m1", attempt: 1, state, route: "relay", leg: "l", reason: null, message: null, role: null, ...more });
  }

  ended(reason: Ended["reason"], by: Ended["by"], match = "m1"): this {
    return this.hear({ type: "ended", seq: 4, match, reason, by, message: "", step: null });
  }

  connected(): this {
    return this.start().queued().matched().route("trying").route("linked").route("connected");
  }
}

test("a whole life: lobby, line, talk, end, lobby", () => {
  const run = new Run().start();
  expect(run.state.kind).toBe("joining");
  expect(run.sent).toEqual([JOIN]);
  run.queued();
  expect(run.state).toMatchObject({ kind: "finding", position: 3, waiting: 5, online: 9, estimateSeconds: 12 });
  run.matched();
  expect(run.state).toMatchObject({ kind: "connecting", talk: { match: "m1", stranger: { name: "Bea" } } });
  run.route("trying").route("linked");
  expect(run.state).toMatchObject({ kind: "connecting", route: "relay" });
  run.now = 2000;
  run.route("connected");
  expect(run.state).toMatchObject({ kind: "connected", route: "relay", connectedAtMs: 2000 });
  run.ended("left", "stranger");
  expect(run.state).toMatchObject({ kind: "ended", reason: "left", by: "stranger", nextAtMs: null });
  run.hear({ type: "idle", seq: 5 });
  expect(run.state.kind).toBe("ended");
  run.do({ kind: "cancel" });
  expect(run.state).toEqual(lobby);
});

test("a match without a queue message before it is taken as well", () => {
  expect(new Run().start().matched().state.kind).toBe("connecting");
});

describe("next and stop", () => {
  test("next goes straight to the line; the own end is not shown", () => {
    const run = new Run().connected().do({ kind: "next" });
    expect(run.sent.at(-1)).toEqual({ type: "next" });
    run.ended("next", "you").queued();
    expect(run.state.kind).toBe("finding");
  });

  test("next that crossed the stranger's leaving starts a new search", () => {
    const run = new Run().connected().do({ kind: "next" });
    run.ended("left", "stranger").hear({ type: "idle", seq: 6 });
    run.hear({ type: "error", seq: 7, code: "not_matched", message: "", about: "next", n: 2 });
    expect(run.sent.at(-1)).toEqual(JOIN);
    expect(run.state.kind).toBe("joining");
  });

  test("stop goes to the lobby; what crosses it brings nobody back", () => {
    const run = new Run().connected().do({ kind: "stop" });
    expect(run.sent.at(-1)).toEqual({ type: "leave" });
    run.ended("left", "you").route("connected");
    expect(run.state).toEqual(lobby);
  });

  test("cancel leaves the line, and a match that crossed it is left too", () => {
    const run = new Run().start().queued().do({ kind: "cancel" });
    expect(run.state).toEqual(lobby);
    run.matched();
    expect(run.state).toEqual(lobby);
    expect(run.sent.slice(1)).toEqual([{ type: "leave" }, { type: "leave" }]);
  });

  test("a line the user does not know of is left", () => {
    const run = new Run().queued();
    expect(run.state).toEqual(lobby);
    expect(run.sent).toEqual([{ type: "leave" }]);
  });

  test("in the lobby next, stop and block mean nothing", () => {
    const run = new Run().do({ kind: "next" }).do({ kind: "stop" }).do({ kind: "block" });
    expect(run.sent).toEqual([]);
  });

  test("blocking waits for the service's word", () => {
    const run = new Run().connected().do({ kind: "block" });
    expect(inTalk(run.state)).toBe(true);
    run.ended("blocked", "you");
    expect(run.state).toMatchObject({ kind: "ended", reason: "blocked", by: "you" });
  });
});

describe("auto-next", () => {
  test("searches after some seconds when the stranger left", () => {
    const run = new Run();
    run.autoNext = true;
    run.connected().ended("next", "stranger");
    expect(run.state).toMatchObject({ nextAtMs: 1000 + AUTO_NEXT_AFTER_MS });
    run.now += AUTO_NEXT_AFTER_MS - 1;
    expect(run.do({ kind: "tick" }).state.kind).toBe("ended");
    run.now += 1;
    expect(run.do({ kind: "tick" }).state.kind).toBe("joining");
    expect(run.sent.at(-1)).toEqual(JOIN);
  });

  test("can be held, and does not follow the own end or a stopping service", () => {
    for (const [reason, by] of [["blocked", "you"], ["service_stopping", "service"]] as const) {
      const run = new Run();
      run.autoNext = true;
      expect(run.connected().ended(reason, by).state).toMatchObject({ nextAtMs: null });
    }
    const run = new Run();
    run.autoNext = true;
    run.connected().ended("left", "stranger").do({ kind: "stay" });
    run.now += 60_000;
    expect(run.do({ kind: "tick" }).state.kind).toBe("ended");
  });

  test("does not run off while the service is away", () => {
    const run = new Run();
    run.autoNext = true;
    run.connected().ended("lost", "stranger").do({ kind: "socket_lost" });
    expect(run.state).toMatchObject({ nextAtMs: null });
  });
});

describe("interruptions", () => {
  test("a lost socket does not end a talk", () => {
    const run = new Run().connected().do({ kind: "socket_lost" });
    expect(run.state).toMatchObject({ kind: "reconnecting", cause: "socket", route: "relay" });
    run.do({ kind: "socket_resumed" });
    expect(run.state).toMatchObject({ kind: "connected", connectedAtMs: 1000 });
  });

  test("a seat that was forgotten ends it, with the reason", () => {
    const run = new Run().connected().do({ kind: "socket_lost" }).do({ kind: "socket_fresh" });
    expect(run.state).toMatchObject({ kind: "ended", reason: "service_restarted", by: "service" });
  });

  test("a search goes on in a fresh seat", () => {
    const run = new Run().start().queued().do({ kind: "socket_lost" }).do({ kind: "socket_fresh" });
    expect(run.state.kind).toBe("joining");
    expect(run.sent).toEqual([JOIN, JOIN]);
  });

  test("media that stops and comes back", () => {
    const run = new Run().connected().route("interrupted");
    expect(run.state).toMatchObject({ kind: "reconnecting", cause: "media" });
    run.route("connected");
    expect(run.state).toMatchObject({ kind: "connected", connectedAtMs: 1000 });
  });

  test("a change of route keeps the talk, and the resumed socket does not hide it", () => {
    const run = new Run().connected().route("unlinked");
    expect(run.state).toMatchObject({ kind: "reconnecting", cause: "route" });
    run.do({ kind: "socket_resumed" });
    expect(run.state).toMatchObject({ kind: "reconnecting", cause: "route" });
    run.route("trying", { attempt: 2, route: "direct" }).route("connected", { attempt: 2, route: "direct" });
    expect(run.state).toMatchObject({ kind: "connected", route: "direct" });
  });

  test("words of an older attempt or another match are stale", () => {
    const run = new Run().connected().route("connected", { attempt: 2, route: "direct" });
    run.route("interrupted", { attempt: 1, route: "direct" }).route("interrupted", { attempt: 1 }).route("interrupted", { match: "other", attempt: 9 }).ended("left", "stranger", "other");
    expect(run.state).toMatchObject({ kind: "connected", route: "direct" });
  });

  test("the relay while the direct way is tried: what is waited for, and why", () => {
    const run = new Run().start().queued().matched().route("trying", { route: "direct", role: "polite" });
    expect(run.state).toMatchObject({ kind: "connecting", route: "direct", reason: null });
    run.route("trying", { attempt: 2, reason: "direct_slow" }).route("linked", { attempt: 2 });
    expect(run.state).toMatchObject({ kind: "connecting", route: "relay", reason: "direct_slow", talk: { shown: null } });
    // The direct attempt is up after all: both stories go on, each with its own attempt.
    run.route("linked", { route: "direct" });
    expect(run.state).toMatchObject({ kind: "connecting", route: "relay" });
    run.route("connected", { attempt: 2 });
    expect(run.state).toMatchObject({ kind: "connected", route: "relay", reason: "direct_slow", talk: { shown: "relay" } });
    run.route("connected", { route: "direct", reason: "direct_stable" }).route("unlinked", { attempt: 2, reason: "direct_connected" });
    expect(run.state).toMatchObject({ kind: "connected", route: "direct", reason: null, talk: { shown: "direct" } });
  });

  test("direct that breaks: the last picture stays until the relay is connected", () => {
    const run = new Run().start().queued().matched().route("trying", { route: "direct" }).route("connected", { route: "direct" });
    run.route("interrupted", { route: "direct", reason: "direct_lost" });
    expect(run.state).toMatchObject({ kind: "reconnecting", cause: "direct_lost", talk: { shown: "direct" } });
    run.route("trying", { attempt: 2, reason: "direct_lost" }).route("linked", { attempt: 2 });
    expect(run.state).toMatchObject({ kind: "reconnecting", cause: "route", route: "relay", talk: { shown: "direct" } });
    run.route("connected", { attempt: 2 }).route("unlinked", { route: "direct", reason: "direct_lost" });
    expect(run.state).toMatchObject({ kind: "connected", route: "relay", reason: "direct_lost", talk: { shown: "relay" } });
    // Later attempts to be direct again change nothing of what is seen.
    const before = run.state;
    run.route("trying", { route: "direct", attempt: 3 }).route("linked", { route: "direct", attempt: 3 });
    run.route("interrupted", { route: "direct", attempt: 3 }).route("unlinked", { route: "direct", attempt: 3 });
    expect(run.state).toMatchObject({ kind: before.kind, route: "relay", talk: { shown: "relay" } });
  });

  test("whose side is not heard", () => {
    expect(new Run().connected().route("interrupted", { reason: "your_connection" }).state).toMatchObject({ cause: "own_side" });
    expect(new Run().connected().route("interrupted", { reason: "stranger_connection" }).state).toMatchObject({ cause: "their_side" });
  });

  test("a lost socket before the first picture comes back to connecting", () => {
    const run = new Run().start().queued().matched().route("trying").do({ kind: "socket_lost" }).do({ kind: "socket_resumed" });
    expect(run.state).toMatchObject({ kind: "connecting", route: "relay" });
  });
});

test("what the stranger shows is known from their client, in this match only", () => {
  const run = new Run().start().queued().matched();
  expect(run.state).toMatchObject({ talk: { media: null } });
  run.hear({ type: "stranger_media", seq: 3, match: "other", camera: true, microphone: true });
  expect(run.state).toMatchObject({ talk: { media: null } });
  run.hear({ type: "stranger_media", seq: 4, match: "m1", camera: false, microphone: true });
  expect(run.state).toMatchObject({ kind: "connecting", talk: { media: { camera: false, microphone: true } } });
  run.do({ kind: "next" }).queued().matched("m2");
  expect(run.state).toMatchObject({ talk: { match: "m2", media: null } });
});

test("a refused search returns to the lobby, one that is only doubled does not", () => {
  const error = { type: "error", seq: 1, message: "", about: "join", n: 1 } as const;
  expect(new Run().start().hear({ ...error, code: "already_queued" }).state.kind).toBe("joining");
  expect(new Run().start().hear({ ...error, code: "busy" }).state).toEqual(lobby);
});

test("signing out resets whatever was", () => {
  expect(new Run().connected().do({ kind: "reset" }).state).toEqual(lobby);
});
