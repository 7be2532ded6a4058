import { beforeEach, describe, expect, test, vi } from "vitest";
import { Leg, type LegState, offeredBy, readStats } from "../../src/core/leg";
import { settle } from "./fakes";

class FakeSender {
  track: MediaStreamTrack | null = null;
  parameters = { encodings: [{}] as Record<string, unknown>[] };
  replaced: (MediaStreamTrack | null)[] = [];
  replaceTrack(track: MediaStreamTrack | null): Promise<void> {
    this.track = track;
    this.replaced.push(track);
    return Promise.resolve();
  }
  getParameters(): unknown {
    return this.parameters;
  }
  setParameters(parameters: { encodings: Record<string, unknown>[] }): Promise<void> {
    this.parameters = parameters;
    return Promise.resolve();
  }
}

class FakePeer {
  closed = false;
  offers: string[] = [];
  localDescription: { sdp: string } | null = null;
  readonly transceivers = ["0", "1"].map((mid) => ({ mid, direction: "recvonly", sender: new FakeSender(), receiver: { track: { id: mid } } }));
  refuse = false;
  setRemoteDescription({ sdp }: { sdp: string }): Promise<void> {
    if (this.refuse) return Promise.reject(new Error("not SDP"));
    this.offers.push(sdp);
    return Promise.resolve();
  }
  getTransceivers(): unknown[] {
    return this.transceivers;
  }
  getReceivers(): unknown[] {
    return this.transceivers.map(({ receiver }) => receiver);
  }
  createAnswer(): Promise<{ sdp: string }> {
    return Promise.resolve({ sdp: `answer to ${this.offers.at(-1) ?? ""}` });
  }
  setLocalDescription(description: { sdp: string }): Promise<void> {
    this.localDescription = description;
    return Promise.resolve();
  }
  close(): void {
    this.closed = true;
  }
}

let peers: FakePeer[];
let answers: { leg: string; sdp: string }[];
let states: LegState["kind"][];
let incoming: (MediaStream | null)[];
let leg: Leg;
const audio = { id: "a" } as MediaStreamTrack;
const video = { id: "v" } as MediaStreamTrack;

function offer(id = "leg1", sdp = "offer"): Promise<void> {
  return leg.offer({ type: "leg_offer", seq: 1, leg: id, sdp, turn: null });
}

function said(state: "connected" | "interrupted" | "closed" | "refused", id = "leg1", code: string | null = null): void {
  leg.report({ type: "leg_state", seq: 2, leg: id, state, transport: state === "connected" ? "udp" : null, code, message: null });
}

function sending(): (string | null)[] {
  return (peers.at(-1)?.transceivers ?? []).map(({ sender }) => sender.track?.id ?? null);
}

beforeEach(() => {
  peers = [];
  answers = [];
  states = [];
  incoming = [];
  leg = new Leg({
    open: () => {
      const peer = new FakePeer();
      peers.push(peer);
      return peer as unknown as RTCPeerConnection;
    },
    streamOf: (tracks) => ({ tracks }) as unknown as MediaStream,
    answer: (id, sdp) => answers.push({ leg: id, sdp }),
    onState: (state) => states.push(state.kind),
    onIncoming: (stream) => incoming.push(stream),
  });
});

test("an offer is answered at once, both ways, also without any track", async () => {
  await offer();
  expect(answers).toEqual([{ leg: "leg1", sdp: "answer to offer" }]);
  expect(peers[0]?.transceivers.map(({ direction }) => direction)).toEqual(["sendrecv", "sendrecv"]);
  expect(sending()).toEqual([null, null]);
  said("connected");
  expect(leg.state).toEqual({ kind: "connected", leg: "leg1", transport: "udp" });
});

test("a narrowed offer for the same leg uses the same connection", async () => {
  await offer();
  await offer("leg1", "narrow");
  expect(peers).toHaveLength(1);
  expect(answers.at(-1)?.sdp).toBe("answer to narrow");
});

test("another leg takes the first one's place", async () => {
  await offer();
  await offer("leg2");
  expect(peers.map(({ closed }) => closed)).toEqual([true, false]);
  said("closed", "leg1", "late news of the old one");
  expect(leg.state.kind).toBe("opening");
});

test("tracks are on the senders while linked and only then", async () => {
  await leg.send({ audio, video });
  await offer();
  expect(sending()).toEqual([null, null]);
  await leg.link();
  expect(sending()).toEqual(["a", "v"]);
  await leg.send({ audio, video: null });
  expect(sending()).toEqual(["a", null]);
  await leg.unlink();
  expect(sending()).toEqual([null, null]);
});

test("news of a leg that come while its answer is being made are heard", async () => {
  const answering = offer();
  said("connected");
  expect(leg.state.kind).toBe("connected");
  await answering;
  expect(answers).toHaveLength(1);
  void offer("leg2");
  void offer("leg3");
  await settle();
  await settle();
  expect(answers.map(({ leg: id }) => id)).toEqual(["leg1", "leg3"]);
});

test("a link that comes while the answer is being made is not lost", async () => {
  await leg.send({ audio, video });
  const answering = offer();
  void leg.link();
  await answering;
  await settle();
  expect(sending()).toEqual(["a", "v"]);
});

test("a track that is there already is not put there again", async () => {
  await leg.send({ audio, video });
  await offer();
  await leg.link();
  await leg.link();
  expect(peers[0]?.transceivers[1]?.sender.replaced).toEqual([video]);
});

test("low bandwidth makes the picture small and slow and keeps the sound first", async () => {
  await offer();
  await leg.setLowBandwidth(true);
  const [sound, picture] = peers[0]?.transceivers ?? [];
  expect(picture?.sender.parameters.encodings[0]).toMatchObject({ maxBitrate: 120_000, scaleResolutionDownBy: 4, maxFramerate: 10 });
  expect(sound?.sender.parameters.encodings[0]).toMatchObject({ networkPriority: "high" });
  await leg.setLowBandwidth(false);
  expect(picture?.sender.parameters.encodings[0]).toMatchObject({ scaleResolutionDownBy: 1 });
});

test("an offer that cannot be used does not block the next one", async () => {
  vi.spyOn(console, "warn").mockReturnValue();
  await offer();
  const [peer] = peers;
  if (peer !== undefined) peer.refuse = true;
  await offer("leg1", "garbage");
  if (peer !== undefined) peer.refuse = false;
  await offer("leg1", "better");
  expect(answers.map(({ sdp }) => sdp)).toEqual(["answer to offer", "answer to better"]);
});

test("refused and closed carry their reason", async () => {
  said("refused", "x", "relay_full");
  expect(leg.state).toEqual({ kind: "refused", code: "relay_full" });
  await offer();
  said("closed", "leg1", "ice_failed");
  expect(leg.state).toEqual({ kind: "closed", code: "ice_failed" });
  expect(peers[0]?.closed).toBe(true);
  expect(incoming.at(-1)).toBeNull();
});

describe("reading the browser's numbers", () => {
  test("which ways a relay offers", () => {
    const sdp = "v=0\r\na=candidate:1 1 udp 2130706431 127.0.0.1 3478 typ host\r\na=candidate:2 1 tcp 1 127.0.0.1 3478 typ host tcptype passive\r\n";
    expect(offeredBy(sdp)).toEqual({ udp: true, tcp: true });
    expect(offeredBy(sdp.split("\r\n").slice(0, 2).join("\n"))).toEqual({ udp: true, tcp: false });
  });

  test("pairs, totals and the round trip from end to end", () => {
    const report = [
      { id: "T", type: "transport", selectedCandidatePairId: "P1" },
      { id: "P1", type: "candidate-pair", state: "succeeded", remoteCandidateId: "R1", currentRoundTripTime: 0.012, availableOutgoingBitrate: 2e6 },
      { id: "P2", type: "candidate-pair", state: "in-progress", remoteCandidateId: "R2" },
      { id: "R1", type: "remote-candidate", protocol: "udp" },
      { id: "R2", type: "remote-candidate", protocol: "tcp" },
      { id: "A", type: "inbound-rtp", packetsReceived: 10, packetsLost: 1 },
      { id: "V", type: "inbound-rtp", packetsReceived: 90, packetsLost: 2, totalFreezesDuration: 0.5, framesDecoded: 30 },
      { id: "RA", type: "remote-inbound-rtp", fractionLost: 0.01, roundTripTime: 0.08 },
      { id: "RV", type: "remote-inbound-rtp", fractionLost: 0.04, roundTripTime: 0.06 },
    ];
    const stats = readStats(report, { udp: true, tcp: true }, 5);
    expect(stats.pairs).toEqual([
      { protocol: "udp", succeeded: true, selected: true, roundTripMs: 12 },
      { protocol: "tcp", succeeded: false, selected: false, roundTripMs: null },
    ]);
    expect(stats.totals).toEqual({
      atMs: 5, packetsReceived: 100, packetsLost: 3, frozenSeconds: 0.5, framesDecoded: 30, lossOut: 0.04, roundTripMs: 80, availableOutBps: 2e6,
    });
  });
});
