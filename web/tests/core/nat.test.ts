import { beforeEach, describe, expect, test } from "vitest";
import { type Found, type Gathered, mappingOf, NatProbe } from "../../src/core/nat";
import { FakeClock, settle } from "./fakes";
import { FakePeer } from "./fakepeer";

const STUN = ["stun:192.0.2.1:3478", "stun:192.0.2.1:3479"];
const NONE = { relatedAddress: null, relatedPort: null, foundation: "h" };

function host(address = "10.0.0.2", port = 50_000): Found {
  return { type: "host", protocol: "udp", address, port, ...NONE };
}

function srflx(port: number, base: string | null = "10.0.0.2", more: Partial<Found> = {}): Found {
  const hidden = base === null;
  return {
    type: "srflx", protocol: "udp", address: "203.0.113.9", port,
    relatedAddress: base ?? "0.0.0.0", relatedPort: hidden ? 0 : 50_000, foundation: "s", ...more,
  };
}

function kind(found: Found[], more: Partial<Gathered> = {}, udpWorks = true, stun = STUN): string | null {
  return mappingOf({ found, unanswered: [], complete: true, ...more }, stun, udpWorks);
}

describe("the kind of NAT", () => {
  test("two mapped ports of one socket are two mappings, told at once", () => {
    expect(kind([host(), srflx(1), srflx(2)], { complete: false })).toBe("symmetric");
  });

  test("one mapped port for both is one mapping, told when both have answered", () => {
    expect(kind([host(), srflx(1)], { complete: false })).toBeNull();
    expect(kind([host(), srflx(1)])).toBe("independent");
  });

  test("also where the browser hides the local address", () => {
    expect(kind([host("x.local"), srflx(1, null), srflx(2, null)])).toBe("symmetric");
    expect(kind([host("x.local"), srflx(1, null)])).toBe("independent");
  });

  test("two interfaces are two sockets and no two mappings of one", () => {
    expect(kind([host(), host("10.1.0.2", 50_001), srflx(1), srflx(2, "10.1.0.2", { relatedPort: 50_001 })])).toBe("independent");
    expect(kind([srflx(1, null, { foundation: "a" }), srflx(2, null, { foundation: "b" })])).toBe("independent");
  });

  test("no mapped address, and UDP works: there is no NAT", () => {
    expect(kind([host()])).toBe("open");
    expect(kind([host("198.51.100.7"), { ...srflx(50_000, null), address: "198.51.100.7" }])).toBe("open");
  });

  test("no mapped address proves nothing while UDP is not known to work", () => {
    expect(kind([host()], {}, false)).toBeNull();
    expect(kind([])).toBeNull();
  });

  test("an address that has not answered leaves it open", () => {
    expect(kind([host(), srflx(1)], { unanswered: ["10.0.0.2:50000"] })).toBeNull();
    expect(kind([host(), srflx(1)], { unanswered: [null] })).toBeNull();
    expect(kind([host()], { unanswered: ["10.0.0.2:50000"] })).toBeNull();
  });

  test("a socket that reaches nothing says nothing of the one that does", () => {
    expect(kind([host(), host("172.17.0.1", 1), srflx(1)], { unanswered: ["172.17.0.1:1"] })).toBe("independent");
  });

  test("with one port there is nothing to compare", () => {
    expect(kind([srflx(1)], {}, true, ["stun:192.0.2.1:3478"])).toBeNull();
    expect(kind([srflx(1)], {}, true, ["stun:192.0.2.1:3478", "stun:198.51.100.1:3478"])).toBeNull();
  });
});

describe("the probe", () => {
  let clock: FakeClock;
  let peers: FakePeer[];
  let last: Gathered;
  let probe: NatProbe;

  beforeEach(() => {
    clock = new FakeClock();
    peers = [];
    probe = new NatProbe({
      clock,
      open: () => {
        const made = new FakePeer();
        peers.push(made);
        return made as unknown as RTCPeerConnection;
      },
      onChange: (gathered) => {
        last = gathered;
      },
    });
  });

  test("it gathers, notes what did not answer, and closes when all is said", async () => {
    probe.start(STUN);
    await settle();
    const [peer] = peers;
    expect(peer?.localDescription?.type).toBe("offer");
    peer?.onicecandidate?.({ candidate: { candidate: "candidate:1", ...host() } as unknown as RTCIceCandidate });
    peer?.onicecandidateerror?.({ address: "10.0.0.2", port: 50_000, errorCode: 701, errorText: "STUN binding request timed out." });
    peer?.onicecandidateerror?.({ address: "fd00::2", port: 1, errorCode: 701, errorText: "STUN server address is incompatible." });
    expect(last).toEqual({ found: [host()], unanswered: ["10.0.0.2:50000"], complete: false });
    if (peer !== undefined) peer.iceGatheringState = "complete";
    peer?.onicegatheringstatechange?.();
    expect(last.complete).toBe(true);
    expect(peer?.closed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test("it does not wait for ever", async () => {
    probe.start(STUN);
    await clock.advance(11_000);
    expect(last).toEqual({ found: [], unanswered: [null], complete: true });
    expect(peers[0]?.closed).toBe(true);
  });

  test("a new check takes the old one's place; one port alone asks nobody", () => {
    probe.start(STUN);
    probe.start(STUN);
    expect(peers.map(({ closed }) => closed)).toEqual([true, false]);
    probe.start(STUN.slice(0, 1));
    expect(peers).toHaveLength(2);
    expect(last).toMatchObject({ complete: true });
  });
});
