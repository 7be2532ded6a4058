import { describe, expect, test } from "vitest";
import { pieces } from "../../src/core/links";
import { cleanTags, defaults, parseSettings, SettingsKeeper } from "../../src/core/settings";
import { loudness, MutedTalk } from "../../src/core/sound";
import { ScreenWake } from "../../src/core/wake";
import { settle } from "./fakes";

describe("links", () => {
  function links(text: string): string[] {
    return pieces(text).flatMap((piece) => (piece.kind === "link" ? [piece.url.href] : []));
  }

  test("are found, and nothing of the text is lost", () => {
    const text = "see https://example.org/a?b=c, or www.example.com. bye";
    expect(links(text)).toEqual(["https://example.org/a?b=c", "https://www.example.com/"]);
    expect(pieces(text).map((piece) => piece.text).join("")).toBe(text);
  });

  test("other schemes and bare words are text", () => {
    for (const text of ["javascript:alert(1)", "data:text/html,x", "ftp://example.org", "http://localhost", "hello.", "http://"]) {
      expect(links(text)).toEqual([]);
    }
  });

  test("look-alike letters show as what they are", () => {
    expect(links("https://аpple.com")).toEqual(["https://xn--pple-43d.com/"]);
  });
});

describe("settings", () => {
  test("survive what storage can hold", () => {
    for (const text of [null, "", "{", "7", "null", "[]", '{"volume":9,"fit":"x","interests":"chess","autoNext":1}']) {
      expect(parseSettings(text)).toEqual(defaults);
    }
    expect(parseSettings('{"volume":0.5,"interests":["a",1,"a "],"theme":"dark"}')).toMatchObject({ volume: 0.5, interests: ["a"], theme: "dark" });
  });

  test("are kept, and a storage that is full harms nobody", () => {
    const held = new Map<string, string>();
    const store = { getItem: (key: string) => held.get(key) ?? null, setItem: (key: string, text: string) => void held.set(key, text) };
    new SettingsKeeper(store, () => undefined).set({ autoNext: true });
    expect(new SettingsKeeper(store, () => undefined).value.autoNext).toBe(true);
    const full = new SettingsKeeper({ getItem: () => { throw new Error("denied"); }, setItem: () => { throw new Error("full"); } }, () => undefined);
    full.set({ volume: 0.2 });
    expect(full.value.volume).toBe(0.2);
  });

  test("tags are trimmed, short, few and none twice", () => {
    expect(cleanTags([" Chess ", "chess", "", "  ", "a  b"])).toEqual(["Chess", "a b"]);
    expect(cleanTags(["🦡".repeat(40)])[0]).toBe("🦡".repeat(32));
    expect(cleanTags(Array.from({ length: 20 }, (_, index) => `tag${index}`))).toHaveLength(10);
  });
});

describe("sound", () => {
  test("silence is zero, a voice is high, all between is in order", () => {
    const level = (amplitude: number): number => loudness(new Float32Array(64).fill(amplitude));
    expect(level(0)).toBe(0);
    expect(level(0.0005)).toBe(0);
    expect(level(0.05)).toBeGreaterThan(0.6);
    expect(level(1)).toBe(1);
    expect(level(0.01)).toBeLessThan(level(0.1));
  });

  test("talking while muted is told once, not for a cough, and not again soon", () => {
    const talk = new MutedTalk();
    const hints: number[] = [];
    const say = (level: number, fromMs: number, toMs: number): void => {
      for (let now = fromMs; now < toMs; now += 100) if (talk.hear(level, true, now)) hints.push(now);
    };
    say(0.9, 0, 300);
    say(0, 300, 1000);
    expect(hints).toEqual([]);
    say(0.9, 1000, 5000);
    expect(hints).toEqual([1600]);
    say(0.9, 16_000, 20_000);
    expect(hints).toHaveLength(2);
    expect(talk.hear(0.9, false, 60_000)).toBe(false);
  });
});

describe("the screen", () => {
  function locks(): { lock: WakeLock; taken: { released: boolean; release: () => Promise<void> }[] } {
    const taken: { released: boolean; release: () => Promise<void> }[] = [];
    const request = (): Promise<unknown> => {
      const sentinel = { released: false, release: () => { sentinel.released = true; return Promise.resolve(); } };
      taken.push(sentinel);
      return Promise.resolve(sentinel);
    };
    return { lock: { request } as unknown as WakeLock, taken };
  }

  test("is kept awake while wanted, taken again when the page is back, and let go", async () => {
    const { lock, taken } = locks();
    const wake = new ScreenWake(lock);
    wake.set(true);
    await settle();
    wake.set(true);
    await settle();
    expect(taken).toHaveLength(1);
    const [first] = taken;
    if (first !== undefined) first.released = true;
    wake.visible();
    await settle();
    expect(taken).toHaveLength(2);
    wake.set(false);
    expect(taken[1]?.released).toBe(true);
  });

  test("a lock that comes after it is no longer wanted is given back", async () => {
    const { lock, taken } = locks();
    const wake = new ScreenWake(lock);
    wake.set(true);
    wake.set(false);
    await settle();
    expect(taken.map(({ released }) => released)).toEqual([true]);
  });
});
