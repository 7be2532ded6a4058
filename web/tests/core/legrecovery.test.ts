import { beforeEach, expect, test } from "vitest";
import type { Outgoing } from "../../src/core/connection";
import { LegRecovery } from "../../src/core/legrecovery";
import { FakeClock } from "./fakes";

let clock: FakeClock;
let sent: Outgoing[];
let open: boolean;
let state: RTCPeerConnectionState | null;
let recovery: LegRecovery;

function becomes(next: RTCPeerConnectionState, leg = "l"): void {
  state = next;
  recovery.connection(leg, next);
}

beforeEach(() => {
  clock = new FakeClock();
  sent = [];
  open = true;
  state = null;
  recovery = new LegRecovery({ clock, send: (message) => sent.push(message), socketOpen: () => open, state: () => state });
});

test("another network: the same leg is restarted at once, and once", async () => {
  becomes("connected");
  recovery.networkChanged();
  recovery.networkChanged();
  expect(sent).toEqual([{ type: "leg_open", restart: "l" }]);
  await clock.advance(60_000);
  expect(sent).toHaveLength(1);
});

test("a failed leg is restarted first, and replaced when that brings nothing", async () => {
  becomes("connected");
  becomes("failed");
  expect(sent).toEqual([{ type: "leg_open", restart: "l" }]);
  becomes("connecting");
  becomes("failed");
  await clock.advance(3_999);
  expect(sent).toHaveLength(1);
  await clock.advance(1);
  expect(sent.at(-1)).toEqual({ type: "leg_open", replace: "l" });
  await clock.advance(60_000);
  expect(sent).toHaveLength(2);
});

test("a moment without a word needs nothing", async () => {
  becomes("connected");
  becomes("disconnected");
  await clock.advance(900);
  becomes("connected");
  recovery.interrupted();
  await clock.advance(900);
  becomes("connected");
  await clock.advance(60_000);
  expect(sent).toEqual([]);
  becomes("disconnected");
  await clock.advance(1_000);
  expect(sent).toEqual([{ type: "leg_open", restart: "l" }]);
});

test("the relay that hears nothing is reason enough", async () => {
  becomes("connected");
  recovery.interrupted();
  await clock.advance(1_000);
  expect(sent).toEqual([{ type: "leg_open", restart: "l" }]);
});

test("while the socket is away nothing is given up: the restart was not heard yet", async () => {
  becomes("connected");
  open = false;
  becomes("failed");
  await clock.advance(20_000);
  expect(sent).toEqual([{ type: "leg_open", restart: "l" }]);
  open = true;
  await clock.advance(4_000);
  expect(sent.at(-1)).toEqual({ type: "leg_open", replace: "l" });
});

test("a socket that is back from another network restarts a leg that is not well, and no other", () => {
  becomes("connected");
  recovery.resumed();
  expect(sent).toEqual([]);
  state = "disconnected";
  recovery.resumed();
  expect(sent).toHaveLength(1);
});

test("a leg that never was up is the service's to give up", async () => {
  becomes("connecting");
  becomes("failed");
  recovery.networkChanged();
  await clock.advance(10_000);
  expect(sent).toEqual([]);
});

test("a fresh leg starts with nothing against it", async () => {
  becomes("connected");
  becomes("disconnected");
  recovery.forget();
  becomes("connected", "l2");
  await clock.advance(10_000);
  expect(sent).toEqual([]);
  expect(clock.pending).toBe(0);
});
