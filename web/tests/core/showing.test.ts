import { beforeEach, expect, test } from "vitest";
import type { Outgoing } from "../../src/core/connection";
import type { OwnTracks } from "../../src/core/sending";
import { Showing } from "../../src/core/showing";
import type { LevelMeter } from "../../src/core/sound";
import { FakeClock } from "./fakes";
import { track } from "./fakepeer";

const CAMERA = track("video", "camera");
const CROSSED = track("video", "crossed-out camera");
const MICROPHONE = Object.assign(track("audio", "microphone"), { enabled: true });

let clock: FakeClock;
let devices: { cameraTrack: MediaStreamTrack | null; microphoneTrack: MediaStreamTrack | null };
let microphoneOn: boolean;
let sent: OwnTracks[];
let said: Outgoing[];
let reachable: boolean;
let hints: number;
let showing: Showing;

function now(): (string | null)[] {
  const last = sent.at(-1);
  return [last?.audio?.id ?? null, last?.video?.id ?? null];
}

beforeEach(() => {
  clock = new FakeClock();
  devices = { cameraTrack: CAMERA, microphoneTrack: MICROPHONE };
  microphoneOn = true;
  sent = [];
  said = [];
  reachable = true;
  hints = 0;
  showing = new Showing({
    clock,
    meter: { level: () => 0.9, listen: () => undefined, wake: () => undefined } as unknown as LevelMeter,
    placeholder: { get: () => CROSSED, stop: () => undefined },
    devices: () => devices,
    microphoneOn: () => microphoneOn,
    talking: () => true,
    send: (tracks) => sent.push(tracks),
    say: (message) => {
      if (reachable) said.push(message);
      return reachable;
    },
    onMutedTalk: () => {
      hints += 1;
    },
  });
});

test("a camera that is off is a picture for those whose client does not say it, and none for the others", () => {
  showing.tracksChanged();
  expect(now()).toEqual(["microphone", "camera"]);
  devices.cameraTrack = null;
  showing.tracksChanged();
  expect(now()).toEqual(["microphone", "crossed-out camera"]);
  showing.strangerIsTold(true);
  expect(now()).toEqual(["microphone", null]);
  showing.strangerIsTold(false);
  expect(now()).toEqual(["microphone", "crossed-out camera"]);
});

test("without a microphone it is sent all the same: something must flow", () => {
  devices = { cameraTrack: null, microphoneTrack: null };
  showing.strangerIsTold(true);
  expect(now()).toEqual([null, "crossed-out camera"]);
});

test("the service is told each change once, and again after a fresh count", () => {
  showing.tracksChanged();
  showing.tracksChanged();
  expect(said).toEqual([{ type: "media", camera: true, microphone: true }]);
  microphoneOn = false;
  showing.microphoneSet();
  expect(MICROPHONE.enabled).toBe(false);
  expect(said.at(-1)).toEqual({ type: "media", camera: true, microphone: false });
  showing.sayAgain();
  expect(said).toHaveLength(3);
});

test("what could not be said is said with the next change", () => {
  reachable = false;
  showing.tracksChanged();
  reachable = true;
  showing.tracksChanged();
  expect(said).toHaveLength(1);
});

test("talking while muted is hinted", async () => {
  microphoneOn = false;
  showing.tracksChanged();
  await clock.advance(10_000);
  expect(hints).toBeGreaterThan(0);
});
