import type { Api } from "./api";
import type { Clock } from "./clock";
import type { Socket } from "./connection";
import type { Media } from "./devices";
import type { Exclusive } from "./session";
import type { Store } from "./settings";
import type { Placeholding } from "./showing";
import type { LevelMeter } from "./sound";
import type { View } from "./view";

/** The browser, as far as the client touches it. */
export interface Surroundings {
  readonly clock: Clock;
  readonly api: Api;
  readonly exclusive: Exclusive;
  readonly openSocket: () => Socket;
  readonly openPeer: (servers: readonly RTCIceServer[]) => RTCPeerConnection;
  readonly streamOf: (tracks: MediaStreamTrack[]) => MediaStream;
  readonly media: Media | null;
  readonly meter: LevelMeter;
  readonly placeholder: Placeholding;
  readonly wake: { set(wanted: boolean): void; visible(): void };
  readonly store: Store;
  readonly random: () => number;
  readonly newId: () => string;
  /** The page's own time line, which video frames are stamped with. */
  readonly pageTimeMs: () => number;
  readonly publish: (change: Partial<View>) => void;
}
