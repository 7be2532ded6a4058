import { beforeEach, describe, expect, test } from "vitest";
import { Connection, type ConnectionState, type Outgoing } from "../../src/core/connection";
import type { ServerMessage } from "../../src/core/wire";
import { FakeClock, FakeSocket, settle } from "./fakes";

let clock: FakeClock;
let sockets: FakeSocket[];
let messages: ServerMessage[];
let fresh: (readonly Outgoing[])[];
let resumed: number;
let states: ConnectionState[];
let token: string | null;
let renewals: number;
let connection: Connection;

function socket(): FakeSocket {
  const last = sockets.at(-1);
  if (last === undefined) throw new Error("nothing was dialled");
  return last;
}

async function open(more: Record<string, unknown> = {}): Promise<FakeSocket> {
  await settle();
  socket().open();
  socket().welcome(more);
  return socket();
}

beforeEach(() => {
  clock = new FakeClock();
  sockets = [];
  messages = [];
  fresh = [];
  resumed = 0;
  states = [];
  token = "token";
  renewals = 0;
  connection = new Connection({
    clock,
    open: () => {
      const made = new FakeSocket();
      sockets.push(made);
      return made;
    },
    token: () => Promise.resolve(token),
    renew: () => {
      renewals += 1;
      return Promise.resolve(true);
    },
    random: () => 0,
    events: {
      onState: (state) => states.push(state),
      onMessage: (message) => messages.push(message),
      onResumed: () => {
        resumed += 1;
      },
      onFresh: (lost) => fresh.push(lost),
    },
  });
});

describe("hello", () => {
  test("is first, with the token in the message", async () => {
    connection.connect();
    await settle();
    socket().open();
    expect(socket().sent).toEqual([
      { type: "hello", n: 0, token: "token", resume: null, take_over: false, direct: true, client: "burrow-web/1" },
    ]);
  });

  test("connecting twice dials once", async () => {
    connection.connect();
    connection.connect();
    await settle();
    connection.connect();
    expect(sockets).toHaveLength(1);
  });

  test("no welcome within ten seconds gives this socket up", async () => {
    connection.connect();
    await settle();
    socket().open();
    await clock.advance(10_000);
    expect(sockets[0]?.closed).toBe(true);
    expect(connection.state.kind).toBe("waiting");
  });

  test("without a token it waits and asks again", async () => {
    token = null;
    connection.connect();
    await settle();
    expect(connection.state).toMatchObject({ kind: "waiting", cause: "no_token" });
    token = "late";
    await clock.advance(250);
    expect(sockets).toHaveLength(1);
  });
});

describe("numbers", () => {
  test("client messages count from one; what is acknowledged is not said again", async () => {
    connection.connect();
    await open();
    connection.send({ type: "join" });
    connection.send({ type: "leave" });
    connection.send({ type: "join" });
    expect(socket().sent.slice(1).map(({ type, n }) => [type, n])).toEqual([["ping", 0], ["join", 1], ["leave", 2], ["join", 3]]);
    socket().say({ type: "pong", received: 1 });
    socket().end();
    await clock.advance(250);
    await open({ resumed: true, received: 2 });
    expect(socket().of("hello")[0]).toMatchObject({ resume: { seat: "seat-1", received: 0 } });
    expect(socket().sent.filter(({ n }) => n !== 0).map(({ type, n }) => [type, n])).toEqual([["join", 3]]);
    expect(resumed).toBe(1);
  });

  test("what is said while the socket is away is kept and sent after the resume", async () => {
    connection.connect();
    await open();
    socket().end();
    expect(connection.send({ type: "chat", id: "a", text: "hi" })).toBe(true);
    await clock.advance(250);
    await open({ resumed: true, received: 0 });
    expect(socket().of("chat")).toEqual([{ type: "chat", id: "a", text: "hi", n: 1 }]);
  });

  test("a server message is handled once, and a gap brings another socket instead of a hole", async () => {
    connection.connect();
    await open();
    socket().say({ type: "idle", seq: 1 });
    socket().say({ type: "idle", seq: 1 });
    expect(messages).toHaveLength(1);
    socket().say({ type: "blocked", seq: 3, match: "m" });
    expect(messages).toHaveLength(1);
    expect(sockets[0]?.closed).toBe(true);
    await clock.advance(250);
    await settle();
    socket().open();
    expect(socket().of("hello")[0]).toMatchObject({ resume: { seat: "seat-1", received: 1 } });
  });

  test("a fresh seat starts both counts anew and tells what was lost", async () => {
    connection.connect();
    await open();
    socket().say({ type: "idle", seq: 1 });
    connection.send({ type: "chat", id: "a", text: "lost" });
    socket().end();
    await clock.advance(250);
    await open({ seat: "seat-2", resumed: false });
    expect(fresh.at(-1)).toEqual([{ type: "chat", id: "a", text: "lost" }]);
    socket().say({ type: "idle", seq: 1 });
    expect(messages).toHaveLength(2);
    connection.send({ type: "join" });
    expect(socket().of("join")[0]).toMatchObject({ n: 1 });
  });

  test("256 unacknowledged messages are kept, one more is refused", async () => {
    connection.connect();
    await open();
    const results = Array.from({ length: 257 }, () => connection.send({ type: "typing", active: true }));
    expect(results.filter((kept) => kept)).toHaveLength(256);
    expect(results.at(-1)).toBe(false);
  });

  test("without a seat nothing can be said", () => {
    expect(connection.send({ type: "join" })).toBe(false);
  });
});

describe("ping", () => {
  test("reports what was received and measures the round trip", async () => {
    connection.connect();
    await open();
    socket().say({ type: "idle", seq: 1 });
    await clock.advance(40);
    socket().say({ type: "pong", received: 0 });
    expect(connection.roundTripMs).toBe(40);
    await clock.advance(10_000);
    expect(socket().of("ping").at(-1)).toMatchObject({ received: 1 });
  });

  test("an unanswered one brings another socket", async () => {
    connection.connect();
    await open();
    const first = socket();
    await clock.advance(10_000);
    expect(connection.state).toMatchObject({ kind: "waiting", cause: "lost" });
    // 1000 would end the seat, and the talk with it.
    expect(first.closedWith).toBeGreaterThanOrEqual(3000);
    connection.close();
    expect(first.closedWith).not.toBe(1000);
  });

  test("another network: one that does not answer soon is given up, one that does goes on", async () => {
    connection.connect();
    await open();
    socket().say({ type: "pong", received: 0 });
    connection.check();
    expect(socket().of("ping")).toHaveLength(2);
    socket().say({ type: "pong", received: 0 });
    await clock.advance(2_000);
    expect(connection.state.kind).toBe("open");
    connection.check();
    await clock.advance(1_999);
    expect(connection.state.kind).toBe("open");
    await clock.advance(1);
    expect(connection.state).toMatchObject({ kind: "waiting", cause: "lost" });
  });

  test("being asked again while it looks does not put the answer off", async () => {
    connection.connect();
    await open();
    connection.check();
    await clock.advance(1_500);
    connection.check();
    await clock.advance(500);
    expect(connection.state).toMatchObject({ kind: "waiting", cause: "lost" });
  });

  test("any message counts as a sign of life", async () => {
    connection.connect();
    await open();
    await clock.advance(9_000);
    socket().say({ type: "idle", seq: 1 });
    await clock.advance(1_000);
    expect(connection.state.kind).toBe("open");
  });
});

describe("coming back", () => {
  test("waits longer each time, up to a bound, and no wait once online again", async () => {
    connection.connect();
    await settle();
    const waits: number[] = [];
    for (let attempt = 0; attempt < 8; attempt += 1) {
      socket().end();
      const { state } = connection;
      if (state.kind !== "waiting") throw new Error(state.kind);
      waits.push(state.retryAtMs - clock.nowMs());
      await clock.advance(waits.at(-1) ?? 0);
    }
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
    socket().end();
    const dialled = sockets.length;
    connection.retryNow();
    await settle();
    expect(sockets).toHaveLength(dialled + 1);
  });

  test("a stopping service is given the time it asked for", async () => {
    connection.connect();
    await open();
    socket().say({ type: "closing", seq: 1, message: "", retry_after_seconds: 3 });
    socket().end(1012);
    expect(connection.state).toMatchObject({ kind: "waiting", cause: "service_stopping" });
    await clock.advance(2_999);
    expect(sockets).toHaveLength(1);
    await clock.advance(1);
    expect(sockets).toHaveLength(2);
  });

  test("a refused token is renewed before the next try", async () => {
    connection.connect();
    await settle();
    socket().open();
    socket().end(4002);
    await settle();
    expect(renewals).toBe(1);
    await clock.advance(250);
    expect(sockets).toHaveLength(2);
  });

  test("a protocol violation gives the seat up", async () => {
    connection.connect();
    await open();
    socket().end(4000);
    await clock.advance(4_000);
    await settle();
    socket().open();
    expect(socket().of("hello")[0]).toMatchObject({ resume: null });
  });

  test("replaced and taken wait for the person", async () => {
    connection.connect();
    await open();
    socket().end(4001);
    expect(connection.state.kind).toBe("replaced");
    await clock.advance(60_000);
    expect(sockets).toHaveLength(1);
    connection.takeOver();
    await settle();
    socket().open();
    expect(socket().of("hello")[0]).toMatchObject({ take_over: true, resume: null });
    socket().end(4005);
    expect(connection.state.kind).toBe("taken");
  });

  test("whom an operator disconnected comes back only by their own wish", async () => {
    connection.connect();
    await open();
    socket().end(4006);
    expect(connection.state.kind).toBe("disconnected");
    await clock.advance(60_000);
    expect(sockets).toHaveLength(1);
    connection.takeOver();
    await settle();
    expect(sockets).toHaveLength(2);
  });

  test("closing ends everything: no timer, no late dial", async () => {
    connection.connect();
    await open();
    connection.close();
    expect(clock.pending).toBe(0);
    expect(connection.state.kind).toBe("closed");
    connection.connect();
    connection.close();
    await settle();
    expect(sockets).toHaveLength(1);
  });
});

test("what is no message of the protocol is ignored", async () => {
  connection.connect();
  await open();
  for (const text of ["{", "null", "7", "[]", '{"type":7}', '{"type":"unheard_of"}', "{}"]) socket().sayText(text);
  expect(messages).toEqual([]);
  expect(connection.state.kind).toBe("open");
});
