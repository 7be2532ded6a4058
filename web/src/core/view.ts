import type { Terms } from "./api";
import { lobby, type CallState } from "./call";
import { emptyChat, type ChatState } from "./chat";
import type { ConnectionState } from "./connection";
import { type DevicesState, noDevices } from "./devices";
import type { LegState } from "./leg";
import { type NetworkReport, nothingChecked } from "./network";
import type { Quality } from "./quality";
import type { SessionState } from "./session";
import { defaults, type Settings } from "./settings";

/** What a screen reader is told; the words are in the catalogue under `announce`. */
export type Announcement =
  | "finding"
  | "matched"
  | "connected"
  | "reconnecting"
  | "reconnected"
  | "left"
  | "ended"
  | "typing"
  | "message"
  | "lobby"
  | "muted"
  | "unmuted"
  | "cameraOn"
  | "cameraOff"
  | "theirCameraOn"
  | "theirCameraOff"
  | "theyAreHeard"
  | "theyAreMuted"
  | "escArmed"
  | "copied";

/** Short news that go away by themselves; the words are in the catalogue under `notice`. */
export type NoticeKey =
  | "reported"
  | "blocked"
  | "deviceGone"
  | "mutedTalk"
  | "joinRefused"
  | "tooFast"
  | "upgraded"
  | "lowBandwidthOn"
  | "nowDirect"
  | "nowRelayed"
  | "speakerFailed"
  | "pipFailed";

export interface Notice {
  readonly id: number;
  readonly key: NoticeKey;
}

/** Everything the screens read. They never write it: they ask the client. */
export interface View {
  readonly session: SessionState;
  readonly connection: ConnectionState;
  readonly call: CallState;
  readonly chat: ChatState;
  readonly devices: DevicesState;
  readonly settings: Settings;
  readonly leg: LegState;
  readonly network: NetworkReport;
  readonly quality: Quality | null;
  readonly terms: Terms | null;
  /** The own camera's picture; null while it is off. */
  readonly own: MediaStream | null;
  /** The leg's incoming tracks: the same object from match to match. */
  readonly incoming: MediaStream | null;
  /** The direct route's: another object with each attempt. */
  readonly incomingDirect: MediaStream | null;
  /** When the legs were linked for this match, on the page's own time line; older frames are the last stranger's. */
  readonly linkedAt: number | null;
  /** The first Esc was pressed; a second one goes to the next stranger. */
  readonly escArmed: boolean;
  readonly announcement: { readonly id: number; readonly key: Announcement; readonly name: string };
  readonly notices: readonly Notice[];
}

export const firstView: View = {
  session: { kind: "restoring", away: false },
  connection: { kind: "closed" },
  call: lobby,
  chat: emptyChat,
  devices: noDevices,
  settings: defaults,
  leg: { kind: "none" },
  network: nothingChecked,
  quality: null,
  terms: null,
  own: null,
  incoming: null,
  incomingDirect: null,
  linkedAt: null,
  escArmed: false,
  announcement: { id: 0, key: "lobby", name: "" },
  notices: [],
};
