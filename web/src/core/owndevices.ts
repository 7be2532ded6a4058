import { Devices, type DevicesState, type Kind, noDevices } from "./devices";
import type { News } from "./news";
import type { SettingsKeeper } from "./settings";
import { Showing, type ShowingOptions } from "./showing";
import type { Surroundings } from "./surroundings";

/** The own camera and microphone as the user sets them, and what becomes of that. */
export class OwnDevices {
  readonly showing: Showing;
  private readonly devices: Devices;
  private wanted = false;
  private last = noDevices;

  constructor(
    private readonly around: Pick<Surroundings, "clock" | "media" | "meter" | "placeholder" | "streamOf" | "publish">,
    private readonly settings: SettingsKeeper,
    private readonly news: News,
    stranger: Pick<ShowingOptions, "talking" | "send" | "say">,
  ) {
    const { clock, media, meter, placeholder } = around;
    this.devices = new Devices({
      media,
      wishes: () => settings.value,
      onState: (state) => this.changed(state),
      onTracks: () => this.tracksChanged(),
    });
    this.showing = new Showing({
      ...stranger,
      clock,
      meter,
      placeholder,
      devices: () => this.devices,
      microphoneOn: () => settings.value.microphoneOn,
      onMutedTalk: () => news.notice("mutedTalk"),
    });
  }

  /** In the lobby: ask for the devices that are wanted. Later calls change nothing. */
  prepare(): void {
    if (this.wanted) return;
    this.wanted = true;
    this.tracksChanged();
    void this.devices.start({ camera: this.settings.value.cameraOn, microphone: true });
  }

  setCamera(on: boolean): void {
    this.settings.set({ cameraOn: on });
    this.news.announce(on ? "cameraOn" : "cameraOff");
    if (on) void this.devices.open("camera");
    else this.devices.close("camera");
  }

  setMicrophone(on: boolean): void {
    this.settings.set({ microphoneOn: on });
    this.news.announce(on ? "unmuted" : "muted");
    this.showing.microphoneSet();
    if (on && this.devices.microphoneTrack === null) void this.devices.open("microphone");
  }

  chooseCamera(cameraId: string): void {
    this.settings.set({ cameraId, cameraOn: true });
    this.devices.forgetSide();
    void this.devices.open("camera");
  }

  chooseMicrophone(microphoneId: string): void {
    this.settings.set({ microphoneId });
    void this.devices.open("microphone");
  }

  async flipCamera(): Promise<void> {
    const other = await this.devices.flip();
    if (other !== null) this.chooseCamera(other);
  }

  retry(kind: Kind): void {
    if (kind === "camera") this.settings.set({ cameraOn: true });
    void this.devices.open(kind);
  }

  /** Signed out: nothing is open any more. */
  stop(): void {
    this.devices.stop();
    this.around.placeholder.stop();
    this.wanted = false;
  }

  private changed(devices: DevicesState): void {
    for (const kind of ["camera", "microphone"] as const) {
      const vanished = (state: DevicesState): boolean => state[kind].kind === "failed" && state[kind].problem === "vanished";
      if (vanished(devices) && !vanished(this.last)) this.news.notice("deviceGone");
    }
    this.last = devices;
    this.around.publish({ devices });
  }

  private tracksChanged(): void {
    const { cameraTrack } = this.devices;
    this.around.publish({ own: cameraTrack === null ? null : this.around.streamOf([cameraTrack]) });
    this.showing.tracksChanged();
  }
}
