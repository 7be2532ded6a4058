/** Choices that this browser remembers. Nothing here is secret and nothing here is needed to work. */
export type Theme = "system" | "light" | "dark";
export type Corner = "top-start" | "top-end" | "bottom-start" | "bottom-end";
export type PictureFit = "contain" | "cover";

export interface Settings {
  readonly language: string | null;
  readonly theme: Theme;
  readonly cameraId: string | null;
  readonly microphoneId: string | null;
  readonly speakerId: string | null;
  readonly cameraOn: boolean;
  readonly microphoneOn: boolean;
  readonly volume: number;
  readonly fit: PictureFit;
  readonly ownCorner: Corner;
  readonly ownShown: boolean;
  readonly autoNext: boolean;
  readonly lowBandwidth: boolean;
  readonly hideAddress: boolean;
  readonly interests: readonly string[];
  readonly languages: readonly string[];
  readonly signedIn: boolean;
}

export const defaults: Settings = {
  language: null,
  theme: "system",
  cameraId: null,
  microphoneId: null,
  speakerId: null,
  cameraOn: true,
  microphoneOn: true,
  volume: 1,
  fit: "contain",
  ownCorner: "bottom-end",
  ownShown: true,
  autoNext: false,
  lowBandwidth: false,
  hideAddress: false,
  interests: [],
  languages: [],
  signedIn: false,
};

export type Store = Pick<Storage, "getItem" | "setItem">;

const KEY = "burrow.settings.1";

/** Takes what has the right form and leaves the rest at its default: storage can hold anything. */
export function parseSettings(text: string | null): Settings {
  if (text === null) return defaults;
  let stored: unknown;
  try {
    stored = JSON.parse(text);
  } catch {
    return defaults;
  }
  if (typeof stored !== "object" || stored === null) return defaults;
  const record = stored as Record<string, unknown>;
  const textOrNull = (key: string): string | null => (typeof record[key] === "string" ? record[key] : null);
  const flag = (key: "cameraOn" | "microphoneOn" | "ownShown" | "autoNext" | "lowBandwidth" | "hideAddress" | "signedIn"): boolean =>
    typeof record[key] === "boolean" ? record[key] : defaults[key];
  const one = <T extends string>(key: string, allowed: readonly T[], otherwise: T): T =>
    allowed.find((value) => value === record[key]) ?? otherwise;
  const tags = (key: string): string[] => {
    const list = record[key];
    return Array.isArray(list) ? cleanTags(list.filter((item): item is string => typeof item === "string")) : [];
  };
  const volume = record["volume"];
  return {
    language: textOrNull("language"),
    theme: one("theme", ["system", "light", "dark"], defaults.theme),
    cameraId: textOrNull("cameraId"),
    microphoneId: textOrNull("microphoneId"),
    speakerId: textOrNull("speakerId"),
    cameraOn: flag("cameraOn"),
    microphoneOn: flag("microphoneOn"),
    volume: typeof volume === "number" && volume >= 0 && volume <= 1 ? volume : defaults.volume,
    fit: one("fit", ["contain", "cover"], defaults.fit),
    ownCorner: one("ownCorner", ["top-start", "top-end", "bottom-start", "bottom-end"], defaults.ownCorner),
    ownShown: flag("ownShown"),
    autoNext: flag("autoNext"),
    lowBandwidth: flag("lowBandwidth"),
    hideAddress: flag("hideAddress"),
    interests: tags("interests"),
    languages: tags("languages"),
    signedIn: flag("signedIn"),
  };
}

export const MAX_TAGS = 10;
const TAG_CHARS = 32;

/** Tags as the wire takes them: 1–32 characters, at most ten, none twice. */
export function cleanTags(tags: readonly string[]): string[] {
  const seen = new Map<string, string>();
  for (const tag of tags) {
    const text = Array.from(tag.trim().replace(/\s+/gu, " ")).slice(0, TAG_CHARS).join("").trim();
    if (text !== "" && !seen.has(text.toLowerCase())) seen.set(text.toLowerCase(), text);
  }
  return [...seen.values()].slice(0, MAX_TAGS);
}

export class SettingsKeeper {
  private current: Settings;

  constructor(
    private readonly store: Store,
    private readonly onChange: (settings: Settings) => void,
  ) {
    this.current = parseSettings(this.read());
  }

  get value(): Settings {
    return this.current;
  }

  set(change: Partial<Settings>): void {
    this.current = { ...this.current, ...change };
    try {
      this.store.setItem(KEY, JSON.stringify(this.current));
    } catch {
      // Storage that is full or forbidden: the choice holds for this visit.
    }
    this.onChange(this.current);
  }

  private read(): string | null {
    try {
      return this.store.getItem(KEY);
    } catch {
      return null;
    }
  }
}
