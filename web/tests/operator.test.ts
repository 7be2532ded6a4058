import { beforeEach, describe, expect, test } from "vitest";
import { Feed, type FeedStatus } from "../src/operator/feed";
import { bitRate, duration, permille } from "../src/operator/numbers";
import { addressOf, placeOf } from "../src/operator/place";
import { backfilled, failures, medianConnect, pointOfMinute, totals, withPoint, type Point } from "../src/operator/series";
import type { FeedState, MinuteBody } from "../src/operator/wire";
import { operatorEn } from "../src/operator/words";
import { operatorAr } from "../src/operator/words.ar";
import { FakeClock, settle } from "./core/fakes";

const MINUTE: MinuteBody = {
  at: 1000, seconds: 60, stress: 0.4, stress_max: 0.9, level: "normal", cpu: 0.5, lag_ms: 2,
  packets_in: 6000, packets_out: 12000, bytes_in: 7_500_000, bytes_out: 15_000_000,
  online: 4, waiting: 0, calls_direct: 1, calls_relay: 2, calls_connecting: 0, legs: 4, matches: 3,
  connected: { relay: 3 }, ends: { next: 2, ice_failed: 1 }, troubles: { "relay dtls": 1 }, drops: { unlinked: 60, empty: 60 },
  connect_ms: { relay: [0, 1, 0, 2] },
};
const POINT: Point = pointOfMinute(MINUTE);

describe("what the charts draw", () => {
  test("a minute's counts become rates", () => {
    expect(POINT).toMatchObject({ at: 1060, inMbps: 1, outMbps: 2, packetsIn: 100, packetsOut: 200, drops: 2, relay: 2 });
  });

  test("points stay in order, an old or repeated one changes nothing, and an hour is kept", () => {
    const one = withPoint([], POINT);
    expect(withPoint(one, POINT)).toBe(one);
    expect(withPoint(one, { ...POINT, at: 1059 })).toBe(one);
    expect(withPoint(one, { ...POINT, at: 1062 }).map((p) => p.at)).toEqual([1060, 1062]);
    expect(withPoint(one, { ...POINT, at: 1060 + 3601 }).map((p) => p.at)).toEqual([1060 + 3601]);
  });

  test("stored minutes come before what was seen live and never among it", () => {
    const live = [{ ...POINT, at: 1100 }, { ...POINT, at: 1102 }];
    const rows = [MINUTE, { ...MINUTE, at: 1050 }];
    expect(backfilled(rows, live).map((p) => p.at)).toEqual([1060, 1100, 1102]);
    expect(backfilled(rows, []).map((p) => p.at)).toEqual([1060, 1110]);
  });

  test("ends and troubles are summed, the most first, and wishes are no failures", () => {
    const rows = [MINUTE, { ...MINUTE, ends: { ice_failed: 4 } }];
    expect(totals(rows, "ends")).toEqual([["ice_failed", 5], ["next", 2]]);
    expect(totals(rows, "troubles")).toEqual([["relay dtls", 2]]);
    expect(failures(MINUTE)).toBe(1);
  });

  test("the median of the time to connect is the border of its class", () => {
    expect(medianConnect([MINUTE], [100, 200, 300], "relay")).toBe(300);
    expect(medianConnect([{ ...MINUTE, connect_ms: { relay: [0, 2, 1, 0] } }], [100, 200, 300], "relay")).toBe(200);
    expect(medianConnect([MINUTE], [100, 200, 300], "direct")).toBeNull();
  });
});

test("numbers are said as people say them", () => {
  expect([bitRate(null), bitRate(999_499), bitRate(1_250_000)]).toEqual(["–", "999 kbit/s", "1.3 Mbit/s"]);
  expect([permille(null), permille(10), permille(15)]).toEqual(["–", "1 %", "1.5 %"]);
  expect([duration(59.9), duration(61), duration(3723)]).toEqual(["0:59", "1:01", "1:02:03"]);
});

test("an address leads to its place and back, whatever stands in it", () => {
  for (const query of ["ada", "a/b c", "100%", "Ünï"]) {
    expect(placeOf(addressOf({ kind: "search", query }))).toEqual({ kind: "search", query });
  }
  expect(placeOf(addressOf({ kind: "call", match: "m-1" }))).toEqual({ kind: "call", match: "m-1" });
  expect(placeOf("#/call/")).toEqual({ kind: "overview" });
  expect(placeOf("#/search/%E0%A4%A")).toEqual({ kind: "search", query: "%E0%A4%A" });
  expect([placeOf(""), placeOf("#/"), placeOf("#/nowhere")].map((place) => place.kind)).toEqual(["overview", "overview", "overview"]);
});

test("both catalogues name the same holes", () => {
  const holes = (words: object, path = ""): string[] =>
    Object.entries(words).flatMap(([key, value]: [string, unknown]) =>
      typeof value === "string"
        ? [...value.matchAll(/\{\{\w+\}\}/gu)].map(([hole]) => `${path}${key} ${hole}`).sort()
        : holes(value as object, `${path}${key}.`),
    );
  expect(holes(operatorAr)).toEqual(holes(operatorEn));
});

class FakeFeedSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  sent: unknown[] = [];
  closed = false;
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.closed = true;
  }
  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

describe("the feed", () => {
  let clock: FakeClock;
  let sockets: FakeFeedSocket[];
  let statuses: FeedStatus[];
  let states: FeedState[];
  let refusals: number;
  let feed: Feed;

  beforeEach(() => {
    clock = new FakeClock();
    [sockets, statuses, states, refusals] = [[], [], [], 0];
    const open = (): WebSocket => {
      sockets.push(new FakeFeedSocket());
      return sockets.at(-1) as unknown as WebSocket;
    };
    feed = new Feed(open, () => Promise.resolve("token"), clock, {
      onStatus: (status) => statuses.push(status),
      onState: (state) => states.push(state),
      onRefused: () => (refusals += 1),
    });
  });

  test("greets, shows, and comes back after a loss", async () => {
    await feed.start();
    sockets[0]?.onopen?.();
    expect(sockets[0]?.sent).toEqual([{ type: "hello", token: "token" }]);
    sockets[0]?.say({ type: "state", at: 1 });
    expect(states).toHaveLength(1);
    expect(statuses).toEqual(["connecting", "live"]);
    sockets[0]?.onclose?.();
    expect(statuses.at(-1)).toBe("away");
    await clock.advance(500);
    await settle();
    expect(sockets).toHaveLength(2);
    sockets[0]?.say({ type: "state", at: 2 });
    expect(states, "a socket that was given up says nothing more").toHaveLength(1);
  });

  test("an expired token is a loss, a missing role is the end", async () => {
    await feed.start();
    sockets[0]?.say({ type: "error", code: "token_expired", message: "" });
    sockets[0]?.onclose?.();
    await clock.advance(500);
    await settle();
    expect(sockets).toHaveLength(2);
    sockets[1]?.say({ type: "error", code: "forbidden", message: "" });
    sockets[1]?.onclose?.();
    expect(refusals).toBe(1);
    await clock.advance(60_000);
    expect(sockets).toHaveLength(2);
  });

  test("silence is a loss", async () => {
    await feed.start();
    sockets[0]?.say({ type: "state", at: 1 });
    await clock.advance(12_000);
    expect(sockets[0]?.closed).toBe(true);
    await clock.advance(500);
    await settle();
    expect(sockets).toHaveLength(2);
  });

  test("stopped, it stays away", async () => {
    await feed.start();
    feed.stop();
    expect(sockets[0]?.closed).toBe(true);
    expect(clock.pending).toBe(0);
  });
});
