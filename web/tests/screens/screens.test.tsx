// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { act, StrictMode } from "react";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { axe } from "vitest-axe";
import { App } from "../../src/app/App";
import { Api } from "../../src/core/api";
import { Client } from "../../src/core/client";
import type { LevelMeter } from "../../src/core/sound";
import { firstView, type View } from "../../src/core/view";
import { startWords } from "../../src/i18n";
import { ar } from "../../src/i18n/ar";
import { en } from "../../src/i18n/en";
import { ClientContext } from "../../src/state/client";
import { view } from "../../src/state/store";
import { FakeClock, FakeSocket, settle } from "../core/fakes";

const USER = { id: "u", name: "Ada", kind: "guest", role: "user", interests: [], languages: [] } as const;
const TALK = { match: "m", stranger: { name: "Bea", interests: ["tea"] }, matchedAtMs: 0, attempts: { direct: 0, relay: 1 }, shown: "relay", media: null } as const;
const PREFERENCES = { interests: [], languages: [], hideAddress: false };

let sockets: FakeSocket[];
let asked: number;
let client: Client;

beforeAll(async () => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  // What jsdom lacks of a browser.
  Object.assign(HTMLCanvasElement.prototype, { getContext: () => null });
  Object.assign(window, {
    matchMedia: () => ({ matches: true, addEventListener: () => undefined, removeEventListener: () => undefined }),
    ResizeObserver: class {
      observe(): void { /* nothing changes its size */ }
      disconnect(): void { /* nothing to stop */ }
    },
  });
  Object.assign(HTMLMediaElement.prototype, { play: () => Promise.resolve() });
  Object.assign(HTMLVideoElement.prototype, { requestVideoFrameCallback: () => 1, cancelVideoFrameCallback: () => undefined });
  HTMLDialogElement.prototype.showModal = function () { this.setAttribute("open", ""); };
  HTMLDialogElement.prototype.close = function () { this.removeAttribute("open"); };
  await startWords("en");
});

beforeEach(() => {
  sockets = [];
  asked = 0;
  view.setState(firstView, true);
  const api = new Api((path) => {
    asked += 1;
    const body = path.endsWith("terms") ? { version: "1", text: "Be kind." } : { access_token: "t", expires_in: 900, user: USER };
    return Promise.resolve(new Response(JSON.stringify(body)));
  });
  client = new Client({
    clock: new FakeClock(),
    api,
    exclusive: (work) => work(),
    openSocket: () => {
      const made = new FakeSocket();
      sockets.push(made);
      return made;
    },
    openPeer: () => { throw new Error("no offer was made"); },
    streamOf: () => ({}) as MediaStream,
    media: null,
    meter: { level: () => 0, listen: () => undefined, wake: () => undefined } as unknown as LevelMeter,
    placeholder: { get: () => null, stop: () => undefined },
    wake: { set: () => undefined, visible: () => undefined },
    store: { getItem: () => null, setItem: () => undefined },
    random: () => 0,
    newId: () => "id",
    pageTimeMs: () => 0,
    publish: (change) => view.setState(change),
  });
});

afterEach(cleanup);

/** Renders the whole page as `main.tsx` does, with what the client would have published. */
async function show(state: Partial<View>): Promise<HTMLElement> {
  view.setState(state);
  const { container } = render(
    <StrictMode>
      <ClientContext value={client}>
        <App />
      </ClientContext>
    </StrictMode>,
  );
  // The screens' own scripts arrive.
  await act(async () => {
    await import("../../src/screens/lobby/Lobby");
    await import("../../src/screens/Finding");
    await import("../../src/screens/call/CallScreen");
    await settle();
  });
  return container;
}

const IN = { session: { kind: "signed_in", user: USER } } as const;

describe("axe finds nothing on", () => {
  test.each([
    ["entry", { session: { kind: "signed_out", why: "expired" } }, "Come in as a guest"],
    ["lobby", { ...IN, devices: { ...firstView.devices, camera: { kind: "failed", problem: "in_use" } } }, "Ready when you are"],
    ["disconnected", { ...IN, connection: { kind: "disconnected" } }, "An operator disconnected you"],
    ["another window", { ...IN, connection: { kind: "taken" } }, "Burrow is open in another window"],
    [
      "finding",
      { ...IN, call: { kind: "finding", sinceMs: 0, preferences: PREFERENCES, position: 1, waiting: 1, online: 1, estimateSeconds: 70 } },
      "Looking for someone…",
    ],
    ["connecting", { ...IN, call: { kind: "connecting", talk: TALK, preferences: PREFERENCES, route: "relay", reason: null } }, "Connecting you with Bea…"],
    [
      "reconnecting",
      { ...IN, call: { kind: "reconnecting", talk: TALK, preferences: PREFERENCES, route: "relay", reason: null, connectedAtMs: 1, cause: "media", sinceMs: 1 } },
      "Reconnecting…",
    ],
    [
      "a stranger without camera and sound",
      {
        ...IN,
        call: {
          kind: "connected",
          talk: { ...TALK, media: { camera: false, microphone: false } },
          preferences: PREFERENCES, route: "relay", reason: null, connectedAtMs: 1,
        },
      },
      "Bea's camera is off",
    ],
    [
      "connected and weak",
      {
        ...IN,
        call: { kind: "connected", talk: TALK, preferences: PREFERENCES, route: "direct", reason: null, connectedAtMs: 1 },
        quality: { grade: "poor", reason: "loss_in", roundTripMs: 20 },
        chat: {
          lines: [{ from: "you", id: "1", text: "lost", atMs: 1, status: "failed" }, { from: "stranger", id: "2", text: "https://example.org", atMs: 2 }],
          strangerTypes: true,
          unread: 0,
        },
        escArmed: true,
        notices: [{ id: 1, key: "nowDirect" }, { id: 9, key: "mutedTalk" }],
      },
      "Your line is weak. Put the sound first?",
    ],
    [
      "ended",
      { ...IN, call: { kind: "ended", talk: TALK, preferences: PREFERENCES, reason: "lost", by: "stranger", nextAtMs: 1e15 } },
      "Bea has left",
    ],
  ] satisfies [string, Partial<View>, string][])("%s", async (_screen, state, text) => {
    const container = await show(state);
    expect(screen.getAllByText(text).length).toBeGreaterThan(0);
    const { violations } = await axe(container);
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  });
});

test("StrictMode connects nothing twice", async () => {
  await client.session.guest("", "1");
  await show({});
  await settle();
  expect(sockets).toHaveLength(1);
  expect(asked).toBe(1);
});

test("the quality is told with path, grade and reason", async () => {
  await show({
    ...IN,
    call: { kind: "connected", talk: { ...TALK, shown: "direct" }, preferences: PREFERENCES, route: "direct", reason: null, connectedAtMs: 1 },
    quality: { grade: "fair", reason: "delay", roundTripMs: 400 },
  });
  expect(screen.getByLabelText("Connection: Direct, Fair").textContent).toContain("answers take long");
});

test("the low-bandwidth mode is offered when the line is weak, and declining is heard", async () => {
  await show({
    ...IN,
    call: { kind: "connected", talk: TALK, preferences: PREFERENCES, route: "relay", reason: null, connectedAtMs: 1 },
    quality: { grade: "poor", reason: "bandwidth", roundTripMs: 40 },
  });
  fireEvent.click(screen.getByRole("button", { name: "Not now" }));
  expect(screen.queryByText("Your line is weak. Put the sound first?")).toBeNull();
});

describe("the catalogues", () => {
  function paths(words: object, before = ""): string[] {
    return Object.entries(words).flatMap(([key, value]: [string, unknown]) =>
      typeof value === "object" && value !== null ? paths(value, `${before}${key}.`) : [`${before}${key}`],
    );
  }
  function at(words: object, path: string): string {
    return path.split(".").reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], words) as string;
  }

  test("have the same keys and the same places to fill in", () => {
    expect(paths(ar)).toEqual(paths(en));
    const places = (text: string): string[] => [...text.matchAll(/\{\{\w+\}\}|<\/?\w+>/gu)].map(([place]) => place).sort();
    for (const path of paths(en)) expect([path, places(at(ar, path))]).toEqual([path, places(at(en, path))]);
  });
});
