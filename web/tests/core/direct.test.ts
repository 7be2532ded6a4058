import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Outgoing } from "../../src/core/connection";
import { Direct } from "../../src/core/direct";
import type { Route } from "../../src/core/wire";
import { FakeClock, settle } from "./fakes";
import { FakePeer, track } from "./fakepeer";

let clock: FakeClock;
let peers: FakePeer[];
let sent: Outgoing[];
let incoming: (MediaStream | null)[];
let direct: Direct;
const OWN = { audio: track("audio", "my sound"), video: track("video", "my picture") };

function peer(): FakePeer {
  const last = peers.at(-1);
  if (last === undefined) throw new Error("no connection was made");
  return last;
}

function route(state: Route["state"], role: Route["role"] = null, attempt = 1): void {
  direct.route({ type: "route", seq: 1, match: "m", attempt, state, route: "direct", leg: null, reason: null, message: null, role });
}

async function described(kind: "offer" | "answer", sdp = `their ${kind}`, about: { match?: string; attempt?: number } = {}): Promise<void> {
  direct.heard({ type: "description", seq: 1, match: "m", attempt: 1, kind, sdp, ...about });
  await settle();
}

async function candidate(text: string, attempt = 1): Promise<void> {
  direct.heard({ type: "candidate", seq: 1, match: "m", attempt, candidate: text, mid: "0", line: 0, ufrag: null });
  await settle();
}

function of(type: Outgoing["type"]): Record<string, unknown>[] {
  return sent.filter((message) => message.type === type);
}

function states(): unknown[] {
  return of("direct_state").map(({ state }) => state);
}

async function up(role: "polite" | "impolite" = "impolite"): Promise<void> {
  route("trying", role);
  await settle();
  await described(role === "impolite" ? "answer" : "offer");
  peer().becomes("connected");
}

/** Lets time pass, with so much media in each fifth of a second. */
async function talking(ms: number, more: Partial<FakePeer["counts"]> = { audio: 10, video: 20, frames: 5 }): Promise<void> {
  for (let passed = 0; passed < ms; passed += 200) {
    peer().media(more);
    await clock.advance(200);
  }
}

beforeEach(() => {
  clock = new FakeClock();
  peers = [];
  sent = [];
  incoming = [];
  direct = new Direct({
    clock,
    open: () => {
      const made = new FakePeer();
      peers.push(made);
      return made as unknown as RTCPeerConnection;
    },
    streamOf: (tracks) => ({ tracks }) as unknown as MediaStream,
    send: (message) => sent.push(message),
    onIncoming: (stream) => incoming.push(stream),
  });
  direct.send(OWN);
});

describe("negotiation", () => {
  test("the impolite one offers at once, with its tracks on the connection", async () => {
    route("trying", "impolite");
    await settle();
    expect(of("description")).toEqual([{ type: "description", match: "m", attempt: 1, kind: "offer", sdp: "offer 1" }]);
    expect(peer().transceivers.map(({ sender, direction }) => [sender.track?.id, direction])).toEqual([
      ["my sound", "sendrecv"],
      ["my picture", "sendrecv"],
    ]);
  });

  test("the polite one waits, and answers with its tracks", async () => {
    route("trying", "polite");
    await settle();
    expect(sent).toEqual([]);
    await described("offer");
    expect(of("description")).toMatchObject([{ kind: "answer", sdp: "answer to their offer" }]);
    expect(peer().transceivers.map(({ sender, direction }) => [sender.track?.id, direction])).toEqual([
      ["my sound", "sendrecv"],
      ["my picture", "sendrecv"],
    ]);
    expect(incoming).toHaveLength(1);
  });

  test("without camera and microphone it can still receive", async () => {
    direct.send({ audio: null, video: null });
    route("trying", "impolite");
    await settle();
    expect(peer().transceivers.map(({ receiver }) => receiver.track.kind)).toEqual(["audio", "video"]);
    expect(of("description")).toHaveLength(1);
  });

  test("on a collision the impolite one goes on with its own offer", async () => {
    await up("impolite");
    direct.networkChanged();
    await settle();
    await described("offer", "their restart");
    expect(of("description").map(({ kind }) => kind)).toEqual(["offer", "offer"]);
    await described("answer");
    expect(peer().signalingState).toBe("stable");
  });

  test("on a collision the polite one rolls back, answers, and offers again", async () => {
    await up("polite");
    direct.networkChanged();
    await settle();
    await described("offer", "their restart");
    expect(peer().rolledBack).toBe(1);
    expect(of("description").map(({ kind, sdp }) => [kind, sdp])).toEqual([
      ["answer", "answer to their offer"],
      ["offer", "offer 1"],
      ["answer", "answer to their restart"],
      ["offer", "offer 2"],
    ]);
  });

  test("an answer that nobody waits for changes nothing", async () => {
    await up("polite");
    await described("answer");
    expect(peer().remoteDescription?.type).toBe("offer");
  });

  test("candidates are trickled after the description, and kept until the stranger's has come", async () => {
    route("trying", "impolite");
    peer().finds("candidate:1");
    expect(of("candidate")).toEqual([]);
    await settle();
    peer().finds("candidate:2");
    expect(sent.map(({ type }) => type)).toEqual(["description", "candidate", "candidate"]);
    expect(of("candidate")[0]).toEqual({ type: "candidate", match: "m", attempt: 1, candidate: "candidate:1", mid: "0", line: 0, ufrag: "u" });
    await candidate("candidate:theirs");
    await candidate("");
    expect(peer().added).toEqual([]);
    await described("answer");
    await candidate("candidate:later");
    expect(peer().added).toEqual(["candidate:theirs", "candidate:later"]);
  });

  test("no more candidates and descriptions than the service takes", async () => {
    await up("impolite");
    for (let index = 0; index < 100; index += 1) peer().finds(`candidate:${index}`);
    for (let index = 0; index < 30; index += 1) {
      direct.networkChanged();
      await settle();
      await described("answer");
    }
    expect(of("candidate")).toHaveLength(64);
    expect(of("description").length).toBeLessThanOrEqual(16);
  });

  test("what is about another attempt or match is dropped", async () => {
    route("trying", "polite");
    await described("offer", "late", { attempt: 0 });
    await described("offer", "other", { match: "x" });
    await candidate("candidate:late", 0);
    expect(sent).toEqual([]);
    expect(peer().remoteDescription).toBeNull();
  });

  test("a description that cannot be used does not block the next one", async () => {
    const warned = vi.spyOn(console, "warn").mockReturnValue();
    route("trying", "polite");
    vi.spyOn(peer(), "setRemoteDescription").mockRejectedValueOnce(new Error("no SDP"));
    await described("offer", "garbage");
    await described("offer", "good");
    expect(of("description")).toMatchObject([{ sdp: "answer to good" }]);
    expect(warned).toHaveBeenCalledTimes(1);
  });
});

describe("the connection's life is the service's to decide", () => {
  test("it is closed at unlinked, at the end, or when another attempt is told, and never by itself", async () => {
    await up();
    peer().becomes("disconnected", "disconnected");
    peer().becomes("failed", "failed");
    route("interrupted");
    route("connected");
    expect(peer().closed).toBe(false);
    route("unlinked", null, 7);
    expect(peer().closed).toBe(false);
    route("unlinked");
    expect(peer().closed).toBe(true);
    expect(incoming.at(-1)).toBeNull();

    route("trying", "impolite", 2);
    route("trying", "impolite", 3);
    expect(peers.map(({ closed }) => closed)).toEqual([true, true, false]);
    direct.end();
    expect(peers.at(-1)?.closed).toBe(true);
    await clock.advance(60_000);
    expect(clock.pending).toBe(0);
  });

  test("the stranger's stream is the same through a restart", async () => {
    await up("polite");
    await described("offer", "their restart");
    expect(incoming).toHaveLength(1);
  });
});

describe("facts", () => {
  test("connected, interrupted, connected again, failed: each once and as soon as it is one", async () => {
    await up();
    expect(states()).toEqual(["connected"]);
    peer().becomes("connected");
    peer().becomes("disconnected", "disconnected");
    peer().becomes("connected");
    peer().becomes("failed", "failed");
    expect(states()).toEqual(["connected", "interrupted", "connected", "failed"]);
    expect(of("direct_state").at(-1)).toMatchObject({ match: "m", attempt: 1, step: "ice" });
  });

  test("where ICE is well, it is DTLS that failed", async () => {
    await up();
    peer().becomes("failed", "connected");
    expect(of("direct_state").at(-1)).toMatchObject({ state: "failed", step: "dtls" });
  });

  test("what was measured is said every ten seconds", async () => {
    await up();
    await talking(25_000);
    const measured = of("direct_state").filter(({ stats }) => stats !== null);
    expect(measured).toHaveLength(2);
    expect(measured[0]).toMatchObject({ state: "connected", stats: { rtt_ms: 20, lost_packets: 0 } });
  });

  test("media flow with the first decoded frame, said again when both ends are known to be up", async () => {
    await up();
    await talking(400, { audio: 10, video: 5 });
    expect(of("media_flowing")).toEqual([]);
    await talking(400, { audio: 10, video: 5, frames: 1 });
    expect(of("media_flowing")).toEqual([{ type: "media_flowing", match: "m", attempt: 1 }]);
    route("linked");
    expect(of("media_flowing")).toHaveLength(2);
  });

  test("a frame on the screen says it sooner than the counts", async () => {
    await up();
    const [stream] = incoming;
    direct.seen({} as MediaStream);
    expect(of("media_flowing")).toEqual([]);
    if (stream !== null && stream !== undefined) direct.seen(stream);
    expect(of("media_flowing")).toHaveLength(1);
    await talking(1_000);
    expect(of("media_flowing")).toHaveLength(1);
  });

  test("sound alone flows too, once no picture has come with it", async () => {
    await up();
    await talking(400, { audio: 10 });
    expect(of("media_flowing")).toEqual([]);
    await talking(600, { audio: 10 });
    expect(of("media_flowing")).toHaveLength(1);
  });

  test("a cut is noticed before the browser does, and so is the return", async () => {
    await up();
    await talking(3_000);
    await clock.advance(1_400);
    expect(states()).toEqual(["connected"]);
    await clock.advance(600);
    expect(states()).toEqual(["connected", "interrupted"]);
    await talking(400);
    expect(states()).toEqual(["connected", "interrupted", "connected"]);
    expect(of("media_flowing")).toHaveLength(2);
  });

  test("a stranger who sends nothing is not taken for a cut", async () => {
    await up();
    await talking(3_000);
    // Reports and checks go on.
    for (let second = 0; second < 30; second += 1) {
      peer().media({ heard: 2 });
      await clock.advance(1_000);
    }
    peer().media({ heard: 2 });
    await clock.advance(2_500);
    expect(states().filter((state) => state === "interrupted")).toEqual([]);
  });
});

describe("ICE restart", () => {
  test("another network: new ways are offered on the same connection", async () => {
    await up("polite");
    direct.networkChanged();
    await settle();
    expect(peer().restarts).toBe(1);
    expect(of("description").at(-1)).toMatchObject({ kind: "offer" });
    expect(peers).toHaveLength(1);
  });

  test("before the stranger has described anything there is nothing to restart", async () => {
    route("trying", "impolite");
    await settle();
    direct.networkChanged();
    await settle();
    expect(peer().restarts).toBe(0);
  });

  test.each([
    ["impolite", 1_000],
    ["polite", 2_500],
  ] as const)("nothing heard: the %s one gathers anew after %i ms, unless it is back", async (role, afterMs) => {
    await up(role);
    peer().becomes("disconnected", "disconnected");
    await clock.advance(afterMs - 1);
    peer().becomes("connected");
    await clock.advance(afterMs);
    expect(peer().restarts).toBe(0);
    peer().becomes("disconnected", "disconnected");
    await clock.advance(afterMs);
    expect(peer().restarts).toBe(1);
  });
});

test("another device and low bandwidth change what is sent at once", async () => {
  await up();
  direct.send({ audio: OWN.audio, video: track("video", "other camera") });
  direct.setLowBandwidth(true);
  await settle();
  const [sound, picture] = peer().transceivers;
  expect(picture?.sender.track?.id).toBe("other camera");
  expect(picture?.sender.parameters.encodings[0]).toMatchObject({ maxBitrate: 120_000 });
  expect(sound?.sender.parameters.encodings[0]).toMatchObject({ networkPriority: "high" });
  direct.send({ audio: null, video: null });
  await settle();
  expect(peer().transceivers.map(({ sender }) => sender.track)).toEqual([null, null]);
});
