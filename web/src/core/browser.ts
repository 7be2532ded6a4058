import { Api } from "./api";
import { Client } from "./client";
import { systemClock } from "./clock";
import type { Socket } from "./connection";
import type { Kind, Media } from "./devices";
import { Placeholder } from "./placeholder";
import type { Exclusive } from "./session";
import type { Store } from "./settings";
import { LevelMeter } from "./sound";
import type { Surroundings } from "./surroundings";
import { ScreenWake } from "./wake";
import type { View } from "./view";

/** The real browser behind the client's surroundings: the only file of `core` that knows `window`. */

const PERMISSION: Record<Kind, PermissionName> = {
  camera: "camera",
  microphone: "microphone",
};

/** The lib's types say that these are always there; without a secure context, or in old browsers, they are not. */
type Maybe<T> = T | undefined;

function browserMedia(): Media | null {
  const devices = navigator.mediaDevices as Maybe<MediaDevices>;
  const permissions = navigator.permissions as Maybe<Permissions>;
  if (devices === undefined) return null;
  return {
    getUserMedia: (constraints) => devices.getUserMedia(constraints),
    enumerateDevices: () => devices.enumerateDevices(),
    onDeviceChange(changed) {
      devices.addEventListener("devicechange", changed);
      return () => devices.removeEventListener("devicechange", changed);
    },
    async permission(kind) {
      try {
        return (await permissions?.query({ name: PERMISSION[kind] }))?.state ?? "unknown";
      } catch {
        return "unknown";
      }
    },
    onPermissionChange(kind, changed) {
      let cancelled = false;
      let status: PermissionStatus | null = null;
      const tell = (): void => {
        if (status !== null) changed(status.state);
      };
      permissions
        ?.query({ name: PERMISSION[kind] })
        .then((found) => {
          if (cancelled) return;
          status = found;
          status.addEventListener("change", tell);
        })
        .catch(() => undefined); // A browser that does not know this permission tells nothing of it.
      return () => {
        cancelled = true;
        status?.removeEventListener("change", tell);
      };
    },
  };
}

const exclusive: Exclusive = (work) => {
  const locks = navigator.locks as Maybe<LockManager>;
  return locks === undefined ? work() : locks.request("burrow-refresh", work);
};

/** A browser that forbids storage throws at the mere mention: then nothing is remembered. */
function browserStore(): Store {
  try {
    return localStorage;
  } catch {
    return { getItem: () => null, setItem: () => undefined };
  }
}

function openSocket(): Socket {
  const url = new URL("ws", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(url);
}

export function browserClient(publish: (change: Partial<View>) => void): Client {
  const surroundings: Surroundings = {
    clock: systemClock,
    api: new Api((input, init) => fetch(input, init)),
    exclusive,
    openSocket,
    // Servers of the service's own, if any: no third party is ever asked.
    openPeer: (servers) => new RTCPeerConnection({ iceServers: [...servers], bundlePolicy: "max-bundle" }),
    streamOf: (tracks) => new MediaStream(tracks),
    media: browserMedia(),
    meter: new LevelMeter(),
    placeholder: new Placeholder(systemClock),
    wake: new ScreenWake(("wakeLock" in navigator ? navigator.wakeLock : null)),
    store: browserStore(),
    random: Math.random,
    newId: () => Array.from(crypto.getRandomValues(new Uint8Array(9)), (byte) => byte.toString(16).padStart(2, "0")).join(""),
    pageTimeMs: () => performance.now(),
    publish,
  };
  const client = new Client(surroundings);
  watchPage(client);
  return client;
}

function watchPage(client: Client): void {
  addEventListener("online", () => client.online());
  watchNetwork(client);
  addEventListener("pagehide", () => client.leaving());
  addEventListener("pageshow", (event) => {
    if (event.persisted) client.back();
  });
  addEventListener("beforeunload", (event) => {
    if (client.busy) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") client.visible();
  });
  for (const touch of ["pointerdown", "keydown"]) addEventListener(touch, () => client.touched(), { capture: true });
}

/** Where the browser names the kind of network (phones do), another kind is another address. Its estimates are not. */
function watchNetwork(client: Client): void {
  const { connection } = navigator as Navigator & { connection?: EventTarget & { type?: string } };
  let type = connection?.type;
  connection?.addEventListener("change", () => {
    if (connection.type === type) return;
    type = connection.type;
    if (type !== "none") client.networkChanged();
  });
}
