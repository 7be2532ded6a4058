import { expect, test } from "vitest";
import type { Grade } from "../../src/core/quality";
import { QualityReport } from "../../src/core/qualityreport";
import { type ConnectionStats, readStats } from "../../src/core/stats";

const OFFERED = { udp: true, tcp: true, tls: false };

/** After so many milliseconds of 1,000 packets and 100,000 bytes a second, of which every tenth was lost. */
function stats(atMs: number): ConnectionStats {
  const seconds = atMs / 1000;
  return readStats(
    [
      { id: "T", type: "transport", bytesReceived: seconds * 100_000, bytesSent: seconds * 50_000 },
      { id: "V", type: "inbound-rtp", kind: "video", packetsReceived: seconds * 900, packetsLost: seconds * 100 },
    ],
    OFFERED,
    atMs,
  );
}

function run(looks: readonly (readonly [number, Grade, string?])[]): unknown[] {
  const report = new QualityReport();
  return looks.map(([atMs, grade, match = "m"]) => report.read(match, { grade, reason: grade === "good" ? null : "loss_in", roundTripMs: 30 }, stats(atMs)));
}

test("at once, then every ten seconds, with what came and went in between", () => {
  const [first, early, due] = run([[0, "good"], [9_000, "good"], [10_000, "good"]]);
  expect(first).toEqual({ type: "quality", match: "m", level: "good", reason: null, rtt_ms: 30, loss_permille: null, received_bps: null, sent_bps: null });
  expect(early).toBeNull();
  expect(due).toMatchObject({ loss_permille: 100, received_bps: 800_000, sent_bps: 400_000 });
});

test("another level is told sooner, but not in a rush", () => {
  const told = run([[0, "good"], [1_000, "poor"], [4_999, "poor"], [5_000, "poor"], [6_000, "good"], [15_000, "poor"]]);
  expect(told.map((message) => (message as { level: string } | null)?.level ?? null)).toEqual(["good", null, null, "poor", null, "poor"]);
});

test("another match begins anew", () => {
  expect(run([[0, "good"], [1_000, "good", "m2"]])[1]).toMatchObject({ match: "m2" });
});
