import { beforeEach, describe, expect, test, vi } from "vitest";
import { Leg, type LegState } from "../../src/core/leg";
import { offeredBy, readStats } from "../../src/core/stats";
import { FakeClock, settle } from "./fakes";

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
  readonly transceivers = ["0", "1"].map((mid) => ({ mid, direction: "recvonly", sender: new FakeSender(), receiver: { track: { id: mid, kind: mid === "0" ? "audio" : "video" } } }));
  refuse = false;
  iceConnectionState = "new";
  oniceconnectionstatechange: (() => void) | null = null;
  connectionState = "new";
  onconnectionstatechange: (() => void) | null = null;
  localType = "host";
  getStats(): Promise<Map<string, unknown>> {
    return Promise.resolve(
      new Map<string, unknown>([
        ["P", { id: "P", type: "candidate-pair", state: "succeeded", localCandidateId: "L", remoteCandidateId: "R" }],
        ["L", { id: "L", type: "local-candidate", candidateType: this.localType }],
        ["R", { id: "R", type: "remote-candidate", protocol: "tcp" }],
      ]),
    );
  }
  readonly added: string[] = [];
  addIceCandidate({ candidate }: { candidate: string }): Promise<void> {
    this.added.push(candidate);
    return Promise.resolve();
  }
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
let clock: FakeClock;
let tcpWanted: boolean;
let tcp: number;
let servers: readonly RTCIceServer[];
let heard: unknown[];
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
  clock = new FakeClock();
  tcpWanted = false;
  tcp = 0;
  heard = [];
  leg = new Leg({
    clock,
    tcpFirst: () => tcpWanted,
    onTcp: () => {
      tcp += 1;
    },
    onConnection: (id, state) => heard.push([id, state]),
    open: (given) => {
      servers = given;
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

test("a fresh leg is answered though the last one's work never ends", async () => {
  void offer("leg1");
  // As a browser does with what a closed connection was asked for.
  const dead = peers[0];
  if (dead !== undefined) dead.setRemoteDescription = () => new Promise<void>(() => undefined);
  await Promise.resolve();
  await offer("leg2", "fresh");
  expect(answers.at(-1)).toEqual({ leg: "leg2", sdp: "answer to fresh" });
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

test("a TURN server that comes with the offer is the leg's only one; without one it has none", async () => {
  await offer();
  expect(servers).toEqual([]);
  const turn = { urls: ["turns:turn.example:443"], username: "1:u", credential: "c" };
  await leg.offer({ type: "leg_offer", seq: 1, leg: "leg2", sdp: "offer", turn });
  expect(servers).toEqual([turn]);
});

test("what the browser says of the connection is passed on until the leg is closed", async () => {
  await offer();
  const [peer] = peers;
  if (peer !== undefined) peer.connectionState = "connected";
  peer?.onconnectionstatechange?.();
  expect(heard).toEqual([["leg1", "connected"]]);
  expect(leg.connectionState).toBe("connected");
  leg.close();
  expect(peer?.onconnectionstatechange).toBeNull();
  expect(leg.connectionState).toBeNull();
});

describe("seeing whether TCP gets through", () => {
  const UDP = "candidate:1 1 udp 2130706431 192.0.2.1 3478 typ host";
  const TCP = "candidate:2 1 tcp 1 192.0.2.1 3478 typ host tcptype passive";
  const OFFER = `v=0\r\nm=audio\r\na=${UDP}\r\na=${TCP}\r\na=end-of-candidates\r\nm=video\r\na=${UDP}\r\na=${TCP}\r\n`;

  test("UDP is held back until TCP has connected", async () => {
    tcpWanted = true;
    await offer("leg1", OFFER);
    const [peer] = peers;
    expect(peer?.offers[0]).not.toContain(" udp ");
    expect(peer?.offers[0]).toContain(TCP);
    expect(peer?.added).toEqual([]);
    if (peer !== undefined) peer.iceConnectionState = "connected";
    peer?.oniceconnectionstatechange?.();
    await settle();
    expect(tcp).toBe(1);
    expect(peer?.added).toEqual([UDP]);
    expect(clock.pending).toBe(0);
  });

  test("the way through the TURN server is not TCP to the relay", async () => {
    tcpWanted = true;
    await offer("leg1", OFFER);
    const [peer] = peers;
    if (peer !== undefined) [peer.iceConnectionState, peer.localType] = ["connected", "relay"];
    peer?.oniceconnectionstatechange?.();
    await settle();
    expect(tcp).toBe(0);
    expect(peer?.added).toEqual([UDP]);
  });

  test("and no longer than a moment", async () => {
    tcpWanted = true;
    await offer("leg1", OFFER);
    await clock.advance(800);
    expect(peers[0]?.added).toEqual([UDP]);
    expect(tcp).toBe(0);
  });

  test("a leg in a hurry has both at once; so has an offer without TCP, and one for the same leg", async () => {
    await offer("leg1", OFFER);
    expect(peers[0]?.offers[0]).toBe(OFFER);
    tcpWanted = true;
    await offer("leg1", OFFER);
    expect(peers[0]?.offers[1]).toBe(OFFER);
    await offer("leg2", `v=0\r\na=${UDP}\r\n`);
    expect(peers[1]?.offers[0]).toContain(UDP);
  });

  test("a leg that is closed meanwhile gets nothing", async () => {
    tcpWanted = true;
    await offer("leg1", OFFER);
    leg.close();
    await clock.advance(1_000);
    expect(peers[0]?.added).toEqual([]);
  });
});

describe("reading the browser's numbers", () => {
  test("which ways a relay offers", () => {
    const sdp = "v=0\r\na=candidate:1 1 udp 2130706431 127.0.0.1 3478 typ host\r\na=candidate:2 1 tcp 1 127.0.0.1 3478 typ host tcptype passive\r\n";
    expect(offeredBy(sdp)).toEqual({ udp: true, tcp: true, tls: false });
    expect(offeredBy(sdp.split("\r\n").slice(0, 2).join("\n"))).toEqual({ udp: true, tcp: false, tls: false });
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
    const stats = readStats(report, { udp: true, tcp: true, tls: false }, 5);
    expect(stats.allocated).toBe(false);
    expect(stats.pairs).toEqual([
      { protocol: "udp", succeeded: true, selected: true, turned: false, roundTripMs: 12 },
      { protocol: "tcp", succeeded: false, selected: false, turned: false, roundTripMs: null },
    ]);
    expect(stats.totals).toEqual({
      atMs: 5, packetsReceived: 100, packetsLost: 3, frozenSeconds: 0.5, framesDecoded: 30, lossOut: 0.04, roundTripMs: 80, availableOutBps: 2e6,
    });
  });
});
