import type { Cancel } from "./clock";

export type Kind = "camera" | "microphone";

export type DeviceProblem =
  /** The page may not: a browser setting for this site. */
  | "denied_by_browser"
  /** The browser may not: a setting of the operating system. */
  | "denied_by_system"
  /** The question was closed without an answer. */
  | "dismissed"
  | "not_found"
  | "in_use"
  /** It was there and is gone. */
  | "vanished"
  /** No secure context, so the browser has no devices to give. */
  | "insecure"
  | "unknown";

export type DeviceState =
  | { readonly kind: "off" }
  | { readonly kind: "asking" }
  | { readonly kind: "on"; readonly deviceId: string; readonly label: string; readonly facing: "user" | "environment" | null }
  | { readonly kind: "failed"; readonly problem: DeviceProblem };

export interface DeviceChoice {
  readonly id: string;
  readonly label: string;
}

export interface DevicesState {
  readonly camera: DeviceState;
  readonly microphone: DeviceState;
  readonly cameras: readonly DeviceChoice[];
  readonly microphones: readonly DeviceChoice[];
  readonly speakers: readonly DeviceChoice[];
}

export const noDevices: DevicesState = {
  camera: { kind: "off" },
  microphone: { kind: "off" },
  cameras: [],
  microphones: [],
  speakers: [],
};

/** What of the browser is used; null where the page has no secure context. */
export interface Media {
  getUserMedia(constraints: MediaStreamConstraints): Promise<MediaStream>;
  enumerateDevices(): Promise<MediaDeviceInfo[]>;
  onDeviceChange(changed: () => void): Cancel;
  /** `unknown` where the browser does not tell. */
  permission(kind: Kind): Promise<PermissionState | "unknown">;
  onPermissionChange(kind: Kind, changed: (state: PermissionState) => void): Cancel;
}

export interface DeviceWishes {
  readonly cameraId: string | null;
  readonly microphoneId: string | null;
}

export interface DevicesOptions {
  readonly media: Media | null;
  readonly wishes: () => DeviceWishes;
  readonly onState: (state: DevicesState) => void;
  /** A track came, went or was exchanged. */
  readonly onTracks: () => void;
}

/** Tells device errors apart. The names are the specification's, the sentences are Chromium's and Firefox's. */
export function problemOf(error: unknown, permission: PermissionState | "unknown"): DeviceProblem {
  if (!(error instanceof Error)) return "unknown";
  switch (error.name) {
    case "NotAllowedError":
    case "SecurityError":
    case "PermissionDeniedError":
      if (/by system|not allowed by the (user agent or the )?platform/iu.test(error.message)) return "denied_by_system";
      if (/dismissed/iu.test(error.message)) return "dismissed";
      // The site is allowed, so somebody above the browser is not.
      return permission === "granted" ? "denied_by_system" : "denied_by_browser";
    case "NotFoundError":
    case "DevicesNotFoundError":
    case "OverconstrainedError":
      return "not_found";
    case "NotReadableError":
    case "TrackStartError":
    case "AbortError":
      return "in_use";
    default:
      return "unknown";
  }
}

const VIDEO: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
const AUDIO: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

const CURABLE_BY_PERMISSION: ReadonlySet<DeviceProblem> = new Set(["denied_by_browser", "denied_by_system", "dismissed"]);
const CURABLE_BY_PLUGGING: ReadonlySet<DeviceProblem> = new Set(["not_found", "vanished"]);

/** Camera and microphone: asks for them, says why not, and notices when that changes. */
export class Devices {
  private current: DevicesState = noDevices;
  private readonly tracks: Record<Kind, MediaStreamTrack | null> = { camera: null, microphone: null };
  /** A newer request of the same kind makes an older one's answer worthless. */
  private readonly requests: Record<Kind, number> = { camera: 0, microphone: 0 };
  private readonly cancels: Cancel[] = [];
  private facing: "user" | "environment" | null = null;

  constructor(private readonly options: DevicesOptions) {}

  get state(): DevicesState {
    return this.current;
  }

  get cameraTrack(): MediaStreamTrack | null {
    return this.tracks.camera;
  }

  get microphoneTrack(): MediaStreamTrack | null {
    return this.tracks.microphone;
  }

  /** Begins to listen to changes; asks for what is wanted, in one question where possible. */
  async start(wanted: { camera: boolean; microphone: boolean }): Promise<void> {
    const { media } = this.options;
    if (media !== null && this.cancels.length === 0) {
      this.cancels.push(media.onDeviceChange(() => void this.devicesChanged()));
      for (const kind of ["camera", "microphone"] as const) {
        this.cancels.push(media.onPermissionChange(kind, (state) => void this.permissionChanged(kind, state)));
      }
    }
    if (wanted.camera && wanted.microphone) await this.openBoth();
    else if (wanted.camera) await this.open("camera");
    else if (wanted.microphone) await this.open("microphone");
    await this.list();
  }

  /** Opens or opens anew, with the wished device. */
  async open(kind: Kind): Promise<void> {
    const { media } = this.options;
    const request = this.begin(kind);
    if (media === null) {
      this.fail(kind, "insecure");
      return;
    }
    try {
      this.accept(kind, request, await this.acquire(media, kind));
    } catch (error) {
      if (this.requests[kind] !== request) return;
      this.fail(kind, await this.problem(kind, error));
    }
    await this.list();
  }

  close(kind: Kind): void {
    this.requests[kind] += 1;
    this.drop(kind);
    this.set(kind, { kind: "off" });
  }

  /** The other camera: the one at the back of a phone, or the next of several. */
  async flip(): Promise<string | null> {
    const state = this.current.camera;
    if (state.kind !== "on") return null;
    if (state.facing !== null) {
      this.facing = state.facing === "user" ? "environment" : "user";
      await this.open("camera");
      const now = this.current.camera;
      if (now.kind !== "on" || now.deviceId !== state.deviceId) return null;
      // A wish only, and not followed: then by name.
      this.facing = null;
    }
    const ids = this.current.cameras.map((camera) => camera.id);
    return ids[(ids.indexOf(state.deviceId) + 1) % ids.length] ?? null;
  }

  /** A camera chosen by name counts more than a side of the phone. */
  forgetSide(): void {
    this.facing = null;
  }

  stop(): void {
    for (const cancel of this.cancels.splice(0)) cancel();
    this.close("camera");
    this.close("microphone");
  }

  private async openBoth(): Promise<void> {
    const { media } = this.options;
    if (media === null) {
      this.fail("camera", "insecure");
      this.fail("microphone", "insecure");
      return;
    }
    const camera = this.begin("camera");
    const microphone = this.begin("microphone");
    try {
      const stream = await media.getUserMedia({ video: this.constraints("camera"), audio: this.constraints("microphone") });
      this.accept("camera", camera, stream);
      this.accept("microphone", microphone, stream);
    } catch {
      // One of the two is at fault; asked for apart they say which. A refusal is not asked twice.
      if (this.requests.camera === camera) await this.open("camera");
      if (this.requests.microphone === microphone) await this.open("microphone");
    }
  }

  /** With the wished device, or with any when that one is gone. */
  private async acquire(media: Media, kind: Kind): Promise<MediaStream> {
    const constraints = this.constraints(kind);
    const ask = (wish: MediaTrackConstraints): Promise<MediaStream> =>
      media.getUserMedia(kind === "camera" ? { video: wish } : { audio: wish });
    try {
      return await ask(constraints);
    } catch (error) {
      const gone = error instanceof Error && (error.name === "OverconstrainedError" || error.name === "NotFoundError");
      if (gone && constraints.deviceId !== undefined) return ask(kind === "camera" ? VIDEO : AUDIO);
      throw error;
    }
  }

  private constraints(kind: Kind): MediaTrackConstraints {
    const wishes = this.options.wishes();
    if (kind === "camera" && this.facing !== null) return { ...VIDEO, facingMode: { ideal: this.facing } };
    const id = kind === "camera" ? wishes.cameraId : wishes.microphoneId;
    const base = kind === "camera" ? VIDEO : AUDIO;
    return id === null ? base : { ...base, deviceId: { exact: id } };
  }

  private begin(kind: Kind): number {
    this.requests[kind] += 1;
    this.set(kind, { kind: "asking" });
    return this.requests[kind];
  }

  private accept(kind: Kind, request: number, stream: MediaStream): void {
    const track = (kind === "camera" ? stream.getVideoTracks() : stream.getAudioTracks())[0];
    if (this.requests[kind] !== request || track === undefined) {
      track?.stop();
      return;
    }
    this.drop(kind);
    this.tracks[kind] = track;
    track.onended = () => {
      if (this.tracks[kind] === track) void this.trackEnded(kind);
    };
    const settings = track.getSettings();
    const facing = settings.facingMode === "user" || settings.facingMode === "environment" ? settings.facingMode : null;
    this.set(kind, { kind: "on", deviceId: settings.deviceId ?? "", label: track.label, facing });
    this.options.onTracks();
  }

  /** The device was pulled out, or the permission taken away. */
  private async trackEnded(kind: Kind): Promise<void> {
    const permission = await this.options.media?.permission(kind);
    if (permission === "denied") {
      this.fail(kind, "denied_by_browser");
      return;
    }
    this.fail(kind, "vanished");
    await this.list();
    const others = kind === "camera" ? this.current.cameras : this.current.microphones;
    if (others.length > 0 && permission === "granted") await this.open(kind);
  }

  private async devicesChanged(): Promise<void> {
    await this.list();
    for (const kind of ["camera", "microphone"] as const) {
      const state = this.current[kind];
      const choices = kind === "camera" ? this.current.cameras : this.current.microphones;
      if (state.kind === "failed" && CURABLE_BY_PLUGGING.has(state.problem) && choices.length > 0) await this.open(kind);
    }
  }

  private async permissionChanged(kind: Kind, permission: PermissionState): Promise<void> {
    const state = this.current[kind];
    if (permission === "granted" && state.kind === "failed" && CURABLE_BY_PERMISSION.has(state.problem)) {
      await this.open(kind);
    } else if (permission === "denied" && state.kind === "on") {
      this.fail(kind, "denied_by_browser");
    }
  }

  private async problem(kind: Kind, error: unknown): Promise<DeviceProblem> {
    const permission = (await this.options.media?.permission(kind)) ?? "unknown";
    return problemOf(error, permission);
  }

  private async list(): Promise<void> {
    const found = (await this.options.media?.enumerateDevices()) ?? [];
    const of = (kind: MediaDeviceKind): DeviceChoice[] =>
      found.filter((device) => device.kind === kind && device.deviceId !== "").map(({ deviceId: id, label }) => ({ id, label }));
    this.change({ cameras: of("videoinput"), microphones: of("audioinput"), speakers: of("audiooutput") });
  }

  private fail(kind: Kind, problem: DeviceProblem): void {
    this.drop(kind);
    this.set(kind, { kind: "failed", problem });
  }

  private drop(kind: Kind): void {
    const track = this.tracks[kind];
    if (track === null) return;
    this.tracks[kind] = null;
    track.onended = null;
    track.stop();
    this.options.onTracks();
  }

  private set(kind: Kind, state: DeviceState): void {
    this.change({ [kind]: state });
  }

  private change(change: Partial<DevicesState>): void {
    this.current = { ...this.current, ...change };
    this.options.onState(this.current);
  }
}
