import { beforeEach, describe, expect, test } from "vitest";
import { Devices, type Kind, type Media, problemOf } from "../../src/core/devices";
import { settle } from "./fakes";

class FakeTrack {
  onended: (() => void) | null = null;
  stopped = false;
  enabled = true;
  constructor(
    readonly kind: "video" | "audio",
    readonly deviceId: string,
    readonly facingMode?: string,
  ) {}
  get label(): string {
    return this.deviceId;
  }
  getSettings(): MediaTrackSettings {
    return { deviceId: this.deviceId, ...(this.facingMode === undefined ? {} : { facingMode: this.facingMode }) };
  }
  stop(): void {
    this.stopped = true;
  }
}

function named(name: string, message = ""): Error {
  const error = new Error(message);
  error.name = name;
  return error;
}

/** Some devices, some permissions, and what goes wrong. */
class FakeMedia implements Media {
  devices: { kind: MediaDeviceKind; deviceId: string }[] = [
    { kind: "videoinput", deviceId: "cam1" },
    { kind: "videoinput", deviceId: "cam2" },
    { kind: "audioinput", deviceId: "mic1" },
    { kind: "audiooutput", deviceId: "out1" },
  ];
  permissions: Record<Kind, PermissionState | "unknown"> = { camera: "granted", microphone: "granted" };
  faults: Record<Kind, Error | null> = { camera: null, microphone: null };
  asked: MediaStreamConstraints[] = [];
  tracks: FakeTrack[] = [];
  facing: string | undefined;
  /** Gives the first camera whatever side is wished. */
  deaf = false;
  changed: () => void = () => undefined;
  permissionChanged: Record<Kind, (state: PermissionState) => void> = { camera: () => undefined, microphone: () => undefined };

  async getUserMedia(constraints: MediaStreamConstraints): Promise<MediaStream> {
    await Promise.resolve();
    this.asked.push(constraints);
    const made: FakeTrack[] = [];
    for (const [kind, wish] of [["camera", constraints.video], ["microphone", constraints.audio]] as const) {
      if (wish === undefined) continue;
      const fault = this.faults[kind];
      if (fault !== null) throw fault;
      const type = kind === "camera" ? "videoinput" : "audioinput";
      const exact = typeof wish === "object" && typeof wish.deviceId === "object" && "exact" in wish.deviceId ? wish.deviceId.exact : undefined;
      const turned = !this.deaf && typeof wish === "object" && wish.facingMode !== undefined;
      const fits = this.devices.filter((one) => one.kind === type && (exact === undefined || one.deviceId === exact));
      const device = turned ? fits.at(-1) : fits[0];
      if (device === undefined) throw named(exact === undefined ? "NotFoundError" : "OverconstrainedError");
      made.push(new FakeTrack(kind === "camera" ? "video" : "audio", device.deviceId, kind === "camera" ? this.facing : undefined));
    }
    this.tracks.push(...made);
    const of = (kind: string): FakeTrack[] => made.filter((track) => track.kind === kind);
    return { getVideoTracks: () => of("video"), getAudioTracks: () => of("audio") } as unknown as MediaStream;
  }
  enumerateDevices(): Promise<MediaDeviceInfo[]> {
    return Promise.resolve(this.devices.map((one) => ({ ...one, label: one.deviceId, groupId: "", toJSON: () => one })));
  }
  onDeviceChange(changed: () => void): () => void {
    this.changed = changed;
    return () => undefined;
  }
  permission(kind: Kind): Promise<PermissionState | "unknown"> {
    return Promise.resolve(this.permissions[kind]);
  }
  onPermissionChange(kind: Kind, changed: (state: PermissionState) => void): () => void {
    this.permissionChanged[kind] = changed;
    return () => undefined;
  }
}

let media: FakeMedia;
let wishes: { cameraId: string | null; microphoneId: string | null };
let devices: Devices;
let trackChanges: number;

beforeEach(() => {
  media = new FakeMedia();
  wishes = { cameraId: null, microphoneId: null };
  trackChanges = 0;
  devices = new Devices({
    media,
    wishes: () => wishes,
    onState: () => undefined,
    onTracks: () => {
      trackChanges += 1;
    },
  });
});

const BOTH = { camera: true, microphone: true };

describe("starting", () => {
  test("asks for both in one question", async () => {
    await devices.start(BOTH);
    expect(media.asked).toHaveLength(1);
    expect(devices.state.camera).toMatchObject({ kind: "on", deviceId: "cam1" });
    expect(devices.state.microphone).toMatchObject({ kind: "on", deviceId: "mic1" });
    expect(devices.state.cameras.map(({ id }) => id)).toEqual(["cam1", "cam2"]);
  });

  test("one that fails does not take the other with it", async () => {
    media.faults.camera = named("NotReadableError");
    await devices.start(BOTH);
    expect(devices.state.camera).toEqual({ kind: "failed", problem: "in_use" });
    expect(devices.state.microphone.kind).toBe("on");
  });

  test("a remembered device that is gone gives way to another", async () => {
    wishes.cameraId = "unplugged long ago";
    await devices.start({ camera: true, microphone: false });
    expect(devices.state.camera).toMatchObject({ kind: "on", deviceId: "cam1" });
  });

  test("without a secure context it says so", async () => {
    const insecure = new Devices({ media: null, wishes: () => wishes, onState: () => undefined, onTracks: () => undefined });
    await insecure.start(BOTH);
    expect(insecure.state.camera).toEqual({ kind: "failed", problem: "insecure" });
    expect(insecure.state.microphone).toEqual({ kind: "failed", problem: "insecure" });
  });
});

describe("errors are told apart", () => {
  test.each([
    ["NotAllowedError", "Permission denied", "denied", "denied_by_browser"],
    ["NotAllowedError", "Permission denied by system", "granted", "denied_by_system"],
    ["NotAllowedError", "Permission denied", "granted", "denied_by_system"],
    ["NotAllowedError", "Permission dismissed", "prompt", "dismissed"],
    ["NotAllowedError", "The request is not allowed by the user agent or the platform in the current context.", "unknown", "denied_by_system"],
    ["NotFoundError", "Requested device not found", "granted", "not_found"],
    ["OverconstrainedError", "", "granted", "not_found"],
    ["NotReadableError", "Could not start video source", "granted", "in_use"],
    ["AbortError", "Starting videoinput failed", "granted", "in_use"],
    ["TypeError", "", "granted", "unknown"],
  ] as const)("%s %s with permission %s", (name, message, permission, problem) => {
    expect(problemOf(named(name, message), permission)).toBe(problem);
  });
});

describe("changes are noticed", () => {
  test("a permission that is given starts the device", async () => {
    media.faults.camera = named("NotAllowedError");
    media.permissions.camera = "denied";
    await devices.start({ camera: true, microphone: false });
    expect(devices.state.camera).toEqual({ kind: "failed", problem: "denied_by_browser" });
    media.faults.camera = null;
    media.permissionChanged.camera("granted");
    await settle();
    expect(devices.state.camera.kind).toBe("on");
  });

  test("a permission that is taken stops it", async () => {
    await devices.start(BOTH);
    media.permissionChanged.camera("denied");
    await settle();
    expect(devices.state.camera).toEqual({ kind: "failed", problem: "denied_by_browser" });
    expect(media.tracks[0]?.stopped).toBe(true);
  });

  test("a device that vanishes gives way to the next one", async () => {
    wishes.cameraId = "cam2";
    await devices.start({ camera: true, microphone: false });
    media.devices = media.devices.filter(({ deviceId }) => deviceId !== "cam2");
    media.tracks[0]?.onended?.();
    await settle();
    expect(devices.state.camera).toMatchObject({ kind: "on", deviceId: "cam1" });
  });

  test("the only one vanishes, and comes back when it is plugged in again", async () => {
    media.devices = [{ kind: "videoinput", deviceId: "cam1" }];
    await devices.start({ camera: true, microphone: false });
    media.devices = [];
    media.tracks[0]?.onended?.();
    await settle();
    expect(devices.state.camera).toEqual({ kind: "failed", problem: "vanished" });
    expect(devices.cameraTrack).toBeNull();
    media.devices = [{ kind: "videoinput", deviceId: "cam1" }];
    media.changed();
    await settle();
    expect(devices.state.camera.kind).toBe("on");
  });
});

describe("changing", () => {
  test("another camera takes the first one's place and stops it", async () => {
    await devices.start(BOTH);
    wishes.cameraId = "cam2";
    await devices.open("camera");
    expect(devices.state.camera).toMatchObject({ deviceId: "cam2" });
    expect(media.tracks[0]?.stopped).toBe(true);
    expect(trackChanges).toBeGreaterThan(2);
  });

  test("of two requests the newer one holds", async () => {
    wishes.cameraId = "cam1";
    const first = devices.open("camera");
    wishes.cameraId = "cam2";
    const second = devices.open("camera");
    await Promise.all([first, second]);
    expect(devices.state.camera).toMatchObject({ deviceId: "cam2" });
    expect(media.tracks.filter(({ stopped }) => !stopped)).toHaveLength(1);
  });

  test("off means off: the track is stopped, also one that comes late", async () => {
    const opening = devices.open("camera");
    devices.close("camera");
    await opening;
    expect(devices.state.camera).toEqual({ kind: "off" });
    expect(media.tracks.every(({ stopped }) => stopped)).toBe(true);
  });

  test("flipping goes to the next camera, or to the other side of a phone", async () => {
    await devices.start({ camera: true, microphone: false });
    expect(await devices.flip()).toBe("cam2");
    media.facing = "user";
    await devices.open("camera");
    expect(await devices.flip()).toBeNull();
    expect(media.asked.at(-1)).toMatchObject({ video: { facingMode: { ideal: "environment" } } });
  });

  test("a side that the browser does not give is found by name", async () => {
    media.facing = "user";
    media.deaf = true;
    await devices.start({ camera: true, microphone: false });
    expect(await devices.flip()).toBe("cam2");
  });
});
