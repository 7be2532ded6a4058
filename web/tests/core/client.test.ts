import { beforeEach, describe, expect, test } from "vitest";
import { Api, type User } from "../../src/core/api";
import { Client } from "../../src/core/client";
import { firstView, type View } from "../../src/core/view";
import type { LevelMeter } from "../../src/core/sound";
import { FakeClock, FakeSocket, settle } from "./fakes";
import { FakePeer } from "./fakepeer";

const USER: User = { id: "u1", name: "Ada", kind: "guest", role: "user", interests: ["tea"], languages: [] };

class QuietMeter {
  heard = 0;
  level(): number {
    return this.heard;
  }
  listen(): void {
    /* nothing to hear */
  }
  wake(): void {
    /* nothing sleeps */
  }
}

let clock: FakeClock;
let sockets: FakeSocket[];
let view: View;
let awake: boolean;
let changed: unknown[];
let client: Client;
let seq: number;
let peers: FakePeer[];
let asked: (readonly RTCIceServer[])[];

function socket(): FakeSocket {
  const last = sockets.at(-1);
  if (last === undefined) throw new Error("nothing was dialled");
  return last;
}

function hear(message: Record<string, unknown>): void {
  seq += 1;
  socket().sayText(JSON.stringify({ ...message, seq }));
}

async function signedIn(): Promise<void> {
  await client.session.guest("", "1");
  await settle();
  socket().open();
  socket().welcome({ stun: ["stun:192.0.2.1:3478", "stun:192.0.2.1:3479"] });
  await settle();
}

async function matched(): Promise<void> {
  await signedIn();
  client.find();
  hear({ type: "queued", position: 1, waiting: 1, online: 2, estimate_seconds: null });
  hear({ type: "matched", match: "m1", stranger: { name: "Bea", interests: [] } });
  hear({ type: "route", match: "m1", attempt: 1, state: "linked", route: "relay", leg: "l", reason: null });
  hear({ type: "route", match: "m1", attempt: 1, state: "connected", route: "relay", leg: "l", reason: null });
  await settle();
}

beforeEach(() => {
  clock = new FakeClock();
  sockets = [];
  view = firstView;
  awake = false;
  changed = [];
  peers = [];
  asked = [];
  seq = 0;
  const api = new Api((path, init) => {
    if (init.method === "PATCH") changed.push(JSON.parse(init.body as string));
    const body = path.endsWith("profile") ? USER : { access_token: "t", expires_in: 900, user: USER };
    return Promise.resolve(new Response(JSON.stringify(body), { status: 200 }));
  });
  const held = new Map<string, string>();
  let ids = 0;
  client = new Client({
    clock,
    api,
    exclusive: (work) => work(),
    openSocket: () => {
      const made = new FakeSocket();
      sockets.push(made);
      return made;
    },
    openPeer: (servers) => {
      asked.push(servers);
      const made = new FakePeer();
      peers.push(made);
      return made as unknown as RTCPeerConnection;
    },
    streamOf: () => ({}) as MediaStream,
    media: null,
    meter: new QuietMeter() as unknown as LevelMeter,
    placeholder: { get: () => null, stop: () => undefined },
    wake: { set: (wanted) => { awake = wanted; }, visible: () => undefined },
    store: { getItem: (key) => held.get(key) ?? null, setItem: (key, text) => void held.set(key, text) },
    random: () => 0,
    newId: () => `id${(ids += 1)}`,
    pageTimeMs: () => 5,
    publish: (change) => { view = { ...view, ...change }; },
  });
});

test("signing in connects once and checks the network in the background", async () => {
  await signedIn();
  await client.session.renew();
  await settle();
  expect(sockets).toHaveLength(1);
  expect(socket().of("leg_open")).toHaveLength(1);
  expect(view.network.service).not.toBe("failed");
  expect(peers.map(({ channels }) => channels)).toEqual([1]);
});

test("the profile's wishes are taken over, used, and saved when they change", async () => {
  await signedIn();
  expect(view.settings.interests).toEqual(["tea"]);
  client.set({ interests: ["tea", "chess"], hideAddress: true });
  client.find();
  await settle();
  expect(socket().of("join")[0]).toMatchObject({ interests: ["tea", "chess"], hide_address: true });
  expect(changed).toEqual([{ interests: ["tea", "chess"], languages: [] }]);
});

test("start before the connection is up is said as soon as it is", async () => {
  await client.session.guest("", "1");
  client.find();
  expect(view.call.kind).toBe("joining");
  await settle();
  socket().open();
  socket().welcome();
  expect(socket().of("join")).toHaveLength(1);
});

describe("in a talk", () => {
  test("the screen stays awake, the link's time is known, and the end undoes both", async () => {
    await matched();
    expect(view.call.kind).toBe("connected");
    expect(awake).toBe(true);
    expect(client.busy).toBe(true);
    expect(view.linkedAt).toBe(5);
    hear({ type: "ended", match: "m1", reason: "left", by: "stranger", message: "" });
    expect(awake).toBe(false);
    expect(client.busy).toBe(false);
    expect(view.linkedAt).toBeNull();
    expect(view.announcement).toMatchObject({ key: "left", name: "Bea" });
  });

  test("a screen reader is told matched, connected, typing and what was said", async () => {
    await matched();
    expect(view.announcement.key).toBe("connected");
    hear({ type: "typing", match: "m1", active: true });
    expect(view.announcement.key).toBe("typing");
    hear({ type: "chat", match: "m1", id: "c", text: "hello", at_ms: 1 });
    expect(view.announcement).toMatchObject({ key: "message", name: "hello" });
  });

  test("Esc arms for a moment, a second one is next", async () => {
    await matched();
    client.escape(view.escArmed);
    expect(view.escArmed).toBe(true);
    await clock.advance(2_500);
    expect(view.escArmed).toBe(false);
    client.escape(view.escArmed);
    client.escape(view.escArmed);
    expect(view.escArmed).toBe(false);
    expect(socket().of("next")).toHaveLength(1);
  });

  test("outside of one Esc means nothing", async () => {
    await signedIn();
    client.escape(false);
    expect(view.escArmed).toBe(false);
  });

  test("auto-next searches after its time, also when nobody looks", async () => {
    client.set({ autoNext: true });
    await matched();
    hear({ type: "ended", match: "m1", reason: "left", by: "stranger", message: "" });
    hear({ type: "idle" });
    await clock.advance(4_000);
    expect(view.call.kind).toBe("joining");
    expect(socket().of("join")).toHaveLength(2);
  });

  test("the chat of one talk does not follow into the next", async () => {
    await matched();
    client.chat.say("for Bea");
    client.next();
    expect(view.chat.lines).toEqual([]);
  });

  test("a chat line of another match is not shown", async () => {
    await matched();
    hear({ type: "chat", match: "m0", id: "late", text: "from before", at_ms: 1 });
    expect(view.chat.lines).toEqual([]);
    expect(socket().of("chat_received")).toEqual([]);
  });

  test("leaving the page leaves the talk at once", async () => {
    await matched();
    const open = socket();
    client.leaving();
    expect(open.of("leave")).toHaveLength(1);
    expect(open.closed).toBe(true);
  });

  test("logging out says goodbye and closes everything", async () => {
    await matched();
    const open = socket();
    await client.logout();
    expect(open.of("leave")).toHaveLength(1);
    expect(view.call.kind).toBe("lobby");
    expect(view.session).toEqual({ kind: "signed_out", why: "logged_out" });
    await clock.advance(120_000);
    expect(sockets).toHaveLength(1);
  });

  test("another window takes over: this one rests", async () => {
    await matched();
    socket().end(4001);
    expect(view.connection.kind).toBe("replaced");
    expect(view.call.kind).toBe("lobby");
  });
});

describe("the direct route", () => {
  const route = (state: string, more: Record<string, unknown> = {}): void =>
    hear({ type: "route", match: "m1", attempt: 1, state, route: "direct", leg: null, reason: null, message: null, role: null, ...more });

  async function trying(): Promise<void> {
    await signedIn();
    client.find();
    hear({ type: "matched", match: "m1", stranger: { name: "Bea", interests: [] } });
    route("trying", { role: "impolite" });
    await settle();
  }

  test("it asks the relay's own STUN addresses and no others, and offers", async () => {
    await trying();
    expect(asked.at(-1)).toEqual([{ urls: ["stun:192.0.2.1:3478", "stun:192.0.2.1:3479"] }]);
    expect(socket().of("description")).toMatchObject([{ match: "m1", attempt: 1, kind: "offer" }]);
    hear({ type: "description", match: "m1", attempt: 1, kind: "answer", sdp: "answer" });
    hear({ type: "candidate", match: "m1", attempt: 1, candidate: "candidate:1", mid: "0", line: 0, ufrag: null });
    await settle();
    expect(peers.at(-1)?.added).toEqual(["candidate:1"]);
    peers.at(-1)?.becomes("connected");
    expect(socket().of("direct_state")).toMatchObject([{ state: "connected" }]);
    expect(view.incomingDirect).not.toBeNull();
  });

  test("quality is that of the route that is shown", async () => {
    await trying();
    hear({ type: "description", match: "m1", attempt: 1, kind: "answer", sdp: "answer" });
    await settle();
    route("connected");
    peers.at(-1)?.media({ audio: 50 });
    await clock.advance(1_000);
    peers.at(-1)?.media({ audio: 50 });
    await clock.advance(1_000);
    expect(view.quality).toMatchObject({ grade: "good", roundTripMs: 20 });
    route("connected", { route: "relay", attempt: 2 });
    expect(view.quality).toBeNull();
    expect(view.notices.map(({ key }) => key)).toEqual(["nowRelayed"]);
  });

  test("another network restarts ICE; the end of the match closes the connection", async () => {
    await trying();
    hear({ type: "description", match: "m1", attempt: 1, kind: "answer", sdp: "answer" });
    await settle();
    client.networkChanged();
    await settle();
    expect(peers.at(-1)?.restarts).toBe(1);
    hear({ type: "ended", match: "m1", reason: "left", by: "stranger", message: "" });
    expect(peers.at(-1)?.closed).toBe(true);
    expect(view.incomingDirect).toBeNull();
  });

  test("a lost socket leaves it alone", async () => {
    await trying();
    route("connected");
    socket().end();
    expect(view.call).toMatchObject({ kind: "reconnecting", cause: "socket" });
    expect(peers.at(-1)?.closed).toBe(false);
  });
});

test("the service is told what the check has found, once for each news", async () => {
  await signedIn();
  hear({ type: "leg_offer", leg: "l", turn: null, sdp: "a=candidate:1 1 udp 1 192.0.2.1 3478 typ host\r\na=candidate:2 1 tcp 1 192.0.2.1 3478 typ host" });
  await settle();
  hear({ type: "leg_state", leg: "l", state: "connected", transport: "udp", code: null, message: null });
  const [probe] = peers;
  const mapped = { type: "srflx", protocol: "udp", relatedAddress: "10.0.0.2", relatedPort: 50_000, foundation: "1" };
  for (const port of [40_000, 40_001]) {
    probe?.onicecandidate?.({ candidate: { ...mapped, candidate: "candidate:1", address: "203.0.113.9", port } as RTCIceCandidate });
  }
  await clock.advance(3_000);
  expect(socket().of("network").at(-1)).toMatchObject({ udp: true, mapping: "symmetric", rtt_ms: 20 });
  const told = socket().of("network").length;
  await clock.advance(3_000);
  expect(socket().of("network")).toHaveLength(told);
  expect(view.network).toMatchObject({ mapping: "symmetric", verdict: "strict", udp: "ok" });

  client.checkNetwork();
  expect(probe?.closed).toBe(true);
  expect(socket().of("leg_open").at(-1)).toMatchObject({ replace: "l" });
});

test("a refused leg is asked for again, with growing patience", async () => {
  await signedIn();
  const refuse = (): void => hear({ type: "leg_state", leg: "x", state: "refused", transport: null, code: "relay_full", message: null });
  refuse();
  await settle();
  expect(view.network.verdict).toBe("relay_full");
  await clock.advance(1_000);
  expect(socket().of("leg_open")).toHaveLength(2);
  refuse();
  await clock.advance(1_000);
  expect(socket().of("leg_open")).toHaveLength(2);
  await clock.advance(2_000);
  expect(socket().of("leg_open")).toHaveLength(3);
});

test("notices are few and go away", async () => {
  for (const key of ["reported", "blocked", "upgraded", "tooFast", "tooFast"] as const) client.news.notice(key);
  expect(view.notices.map(({ key }) => key)).toEqual(["blocked", "upgraded", "tooFast"]);
  await clock.advance(6_000);
  expect(view.notices).toEqual([]);
});
