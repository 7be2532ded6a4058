import { describe, expect, test } from "vitest";
import type { ConnectionStats, PairFact } from "../../src/core/stats";
import type { Found } from "../../src/core/nat";
import { judgeNetwork, type NetworkFacts, nothingChecked, reportText, wireNetwork } from "../../src/core/network";

function stats(pairs: PairFact[], offered = { udp: true, tcp: true, tls: false }): ConnectionStats {
  return {
    pairs,
    offered,
    allocated: false,
    totals: { atMs: 0, packetsReceived: 0, packetsLost: 0, frozenSeconds: 0, framesDecoded: 0, lossOut: null, roundTripMs: null, availableOutBps: null },
    vitals: { heard: 0, audioPackets: 0, videoPackets: 0, framesDecoded: 0, sentPackets: 0, receivedBytes: 0, sentBytes: 0 },
  };
}

const UDP: PairFact = { protocol: "udp", succeeded: true, selected: true, turned: false, roundTripMs: 21 };
const TCP: PairFact = { protocol: "tcp", succeeded: true, selected: false, turned: false, roundTripMs: 30 };

const MAPPED: Found = {
  type: "srflx", protocol: "udp", address: "203.0.113.9", port: 40_000, relatedAddress: "10.0.0.2", relatedPort: 50_000, foundation: "1",
};

const READY: NetworkFacts = {
  service: "open",
  serviceRoundTripMs: 5,
  leg: { kind: "connected", leg: "l", transport: "udp" },
  stats: stats([UDP, TCP]),
  worked: new Set(),
  nat: { found: [MAPPED], unanswered: [], complete: true },
  stun: ["stun:192.0.2.1:3478", "stun:192.0.2.1:3479"],
  elapsedMs: 3000,
};

test("all works", () => {
  expect(judgeNetwork(READY)).toEqual({
    service: "ok", udp: "ok", tcp: "ok", tls: "not_offered", transport: "udp", roundTripMs: 21, mapping: "independent", verdict: "good", code: null,
  });
});

test("nothing works without evidence", () => {
  const report = judgeNetwork({ ...READY, leg: { kind: "opening", leg: "l" }, stats: stats([]), elapsedMs: 1000 });
  expect(report).toMatchObject({ service: "ok", udp: "checking", tcp: "checking", verdict: "checking" });
});

test("blocked UDP is told once it had its time, and TCP has its own sentence", () => {
  const facts: NetworkFacts = {
    ...READY,
    leg: { kind: "connected", leg: "l", transport: "tcp" },
    stats: stats([{ ...UDP, succeeded: false, selected: false }, { ...TCP, selected: true }]),
  };
  expect(judgeNetwork(facts)).toMatchObject({ udp: "checking", tcp: "ok", verdict: "tcp_only" });
  expect(judgeNetwork({ ...facts, elapsedMs: 10_000 })).toMatchObject({ udp: "failed", tcp: "ok", verdict: "tcp_only" });
});

test("a way that worked once has worked, whatever the browser keeps of it", () => {
  expect(judgeNetwork({ ...READY, stats: stats([UDP]), worked: new Set(["tcp"]), elapsedMs: 60_000 })).toMatchObject({ tcp: "ok" });
});

describe("the kind of NAT", () => {
  test("a strict one is named without a warning: the relay is there for it", () => {
    const nat = { ...READY.nat, found: [MAPPED, { ...MAPPED, port: 40_001 }] };
    expect(judgeNetwork({ ...READY, nat })).toMatchObject({ mapping: "symmetric", verdict: "strict" });
  });

  test("it is unknown only when the check is over", () => {
    const nothing = { found: [], unanswered: [], complete: false };
    expect(judgeNetwork({ ...READY, nat: nothing })).toMatchObject({ mapping: "checking" });
    const blocked: NetworkFacts = { ...READY, nat: { found: [], unanswered: [null], complete: true }, stats: stats([TCP]), elapsedMs: 1000 };
    expect(judgeNetwork(blocked)).toMatchObject({ mapping: "checking", udp: "checking" });
    expect(judgeNetwork({ ...blocked, elapsedMs: 10_000 })).toMatchObject({ mapping: "unknown", udp: "failed" });
  });
});

test("the service is told what is known and nothing else", () => {
  expect(wireNetwork(nothingChecked)).toBeNull();
  expect(wireNetwork(judgeNetwork(READY))).toEqual({ type: "network", udp: true, tcp: true, mapping: "independent", rtt_ms: 21 });
  expect(wireNetwork({ ...nothingChecked, udp: "failed", tcp: "not_offered", mapping: "unknown" })).toEqual({
    type: "network", udp: false, tcp: null, mapping: null, rtt_ms: null,
  });
});

test("a way that the relay does not offer is not called broken", () => {
  expect(judgeNetwork({ ...READY, stats: stats([UDP], { udp: true, tcp: false, tls: false }), elapsedMs: 60_000 })).toMatchObject({ tcp: "not_offered", verdict: "good" });
});

describe("verdicts", () => {
  test.each([
    ["slow", { stats: stats([{ ...UDP, roundTripMs: 450 }]) }],
    ["relay_full", { leg: { kind: "refused", code: "relay_full" }, stats: null }],
    ["no_relay", { leg: { kind: "closed", code: "no_answer" }, stats: null }],
    ["no_relay", { leg: { kind: "opening", leg: "l" }, stats: stats([]), elapsedMs: 10_000 }],
    ["no_service", { service: "away", leg: { kind: "none" }, stats: null }],
    ["checking", { service: "trying", leg: { kind: "none" }, stats: null }],
  ] as const)("%s", (verdict, facts) => {
    expect(judgeNetwork({ ...READY, ...facts }).verdict).toBe(verdict);
  });
});

test("the report can be copied and names no address", () => {
  const text = reportText(judgeNetwork(READY), { at: "2026-11-24T12:00:00Z", browser: "Browser/1", origin: "https://burrow.example" });
  expect(text).toContain("relay by UDP: works");
  expect(text).toContain("round trip: 21 ms");
  expect(text).toContain("kind of NAT: one mapping for all destinations");
  expect(text).not.toMatch(/\d+\.\d+\.\d+\.\d+/u);
});
