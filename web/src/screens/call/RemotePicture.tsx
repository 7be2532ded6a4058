import { CameraOff, UserRound, Volume2 } from "lucide-react";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { StrangerShows } from "../../core/call";
import type { RouteName } from "../../core/types";
import { useClient } from "../../state/client";
import { useView } from "../../state/store";

interface RemotePictureProps {
  name: string;
  /** Which route is to be shown; null before the first one was connected. */
  route: RouteName | null;
  connected: boolean;
  dimmed: boolean;
  /** What they show, where their client says so. */
  media: StrangerShows | null;
}

/** Without a picture for so long after connecting, it is said that there is none. */
const NO_PICTURE_MS = 4_000;

/** Keys for React: a stream has an id only in a browser, and an object is enough. */
const keys = new WeakMap<MediaStream, number>();
let lastKey = 0;

function keyOf(stream: MediaStream): number {
  const known = keys.get(stream);
  if (known !== undefined) return known;
  lastKey += 1;
  keys.set(stream, lastKey);
  return lastKey;
}

/**
 * The stranger. Each route's stream has an element of its own, so that a change of route is made before
 * the old picture goes: the one that is shown stays, with its last picture, until the new route is
 * connected and one of its frames has come. A leg's tracks outlive matches and may still hold the last
 * stranger's picture, so there only a frame that arrived after this match's link counts.
 */
export function RemotePicture({ name, route, connected, dimmed, media }: RemotePictureProps) {
  const { t } = useTranslation();
  const client = useClient();
  const relay = useView((state) => state.incoming);
  const direct = useView((state) => state.incomingDirect);
  const linkedAt = useView((state) => state.linkedAt);
  const [relaySeen, setRelaySeen] = useState<{ stream: MediaStream; linkedAt: number } | null>(null);
  const [directSeen, setDirectSeen] = useState<MediaStream | null>(null);
  const [shown, setShown] = useState<MediaStream | null>(null);
  // Kept for one change more: a window of the picture moves to the new element before the old one goes.
  const [before, setBefore] = useState<MediaStream | null>(null);
  const [silenced, setSilenced] = useState<(() => Promise<void>) | null>(null);
  const [waited, setWaited] = useState(false);

  const wanted = route === null ? null : route === "direct" ? direct : relay;
  const fresh = route === "direct" ? directSeen === direct : relaySeen !== null && relaySeen.stream === relay && relaySeen.linkedAt === linkedAt;
  if (wanted !== null && fresh && shown !== wanted) {
    setBefore(shown);
    setShown(wanted);
  }

  useEffect(() => {
    if (!connected) return;
    const timer = setTimeout(() => setWaited(true), NO_PICTURE_MS);
    return () => clearTimeout(timer);
  }, [connected]);

  const onFrame = useCallback(
    (stream: MediaStream, since: number | null) => {
      if (since !== null) {
        setRelaySeen({ stream, linkedAt: since });
        return;
      }
      setDirectSeen(stream);
      client.seen(stream);
    },
    [client],
  );
  const onSilenced = useCallback((rescue: (() => Promise<void>) | null) => setSilenced(() => rescue), []);
  const cameraOff = media !== null && !media.camera;
  const streams = [...new Set([before, shown, relay, direct])].filter((stream) => stream !== null);
  return (
    <>
      {streams.map((stream) => (
        <Layer
          key={keyOf(stream)}
          stream={stream}
          since={stream === direct ? "start" : stream === relay ? linkedAt : null}
          shown={stream === shown}
          // A stranger without a camera is heard all the same.
          sounds={stream === (wanted ?? shown)}
          // The first picture fades in; one that takes another's place does so at once, or it would be dark between.
          fades={before === null || dimmed}
          dimmed={dimmed}
          label={t("call.remote", { name })}
          onFrame={onFrame}
          onSilenced={onSilenced}
        />
      ))}
      {route !== null && cameraOff && !dimmed && (
        <div data-camera-off className="absolute inset-0 flex flex-col items-center justify-center gap-3 bg-stage p-6 text-center">
          <span className="grid size-28 place-items-center rounded-full bg-white/10">
            <CameraOff aria-hidden className="size-12 text-white/85" />
          </span>
          <p className="text-xl font-bold">{t("call.theirCameraOff", { name })}</p>
          <p className="max-w-sm text-balance text-white/80">{t(media.microphone ? "call.theirCameraOffHeard" : "call.theirCameraOffSilent")}</p>
        </div>
      )}
      {connected && shown === null && !cameraOff && (
        <div className="absolute inset-0 flex flex-col items-center justify-center gap-2 p-6 text-center">
          <UserRound aria-hidden className="size-12 opacity-70" />
          <p className="text-lg font-semibold">{waited ? t("call.noPicture", { name }) : t("call.waitingPicture")}</p>
          {waited && <p className="max-w-sm text-balance text-white/80">{t("call.noPictureHint")}</p>}
        </div>
      )}
      {silenced !== null && !dimmed && (
        <div className="absolute inset-0 z-20 flex flex-col items-center justify-center gap-3 bg-black/50 p-6 text-center">
          <button
            type="button"
            autoFocus
            onClick={() => {
              void silenced().then(() => setSilenced(null));
            }}
            className="inline-flex min-h-14 items-center gap-3 rounded-full bg-white px-7 text-lg font-bold text-black"
          >
            <Volume2 aria-hidden />
            {t("call.sound")}
          </button>
          <p className="max-w-xs">{t("call.soundHint")}</p>
        </div>
      )}
    </>
  );
}

interface LayerProps {
  stream: MediaStream;
  /** From when on a frame counts, on the page's time line; null: none does now. */
  since: number | "start" | null;
  shown: boolean;
  sounds: boolean;
  fades: boolean;
  dimmed: boolean;
  label: string;
  onFrame: (stream: MediaStream, since: number | null) => void;
  onSilenced: (rescue: (() => Promise<void>) | null) => void;
}

/** One route's picture and sound. */
function Layer({ stream, since, shown, sounds, fades, dimmed, label, onFrame, onSilenced }: LayerProps) {
  const fit = useView((state) => state.settings.fit);
  const volume = useView((state) => state.settings.volume);
  const speaker = useView((state) => state.settings.speakerId);
  const video = useRef<HTMLVideoElement>(null);

  useEffect(() => {
    const element = video.current;
    if (element === null) return;
    element.srcObject = stream;
  }, [stream]);

  useEffect(() => {
    const element = video.current;
    if (element === null) return;
    // Only one of two routes is heard, or there would be an echo.
    element.muted = !sounds;
    element.play().catch((error: unknown) => {
      const refused = error instanceof DOMException && error.name === "NotAllowedError";
      if (refused && sounds) onSilenced(() => element.play());
    });
  }, [stream, sounds, onSilenced]);

  useEffect(() => {
    const element = video.current;
    if (element === null || since === null) return;
    let handle = 0;
    const look = (now: number, frame: VideoFrameCallbackMetadata): void => {
      if (since === "start") onFrame(stream, null);
      else if ((frame.receiveTime ?? now) >= since) onFrame(stream, since);
      else handle = element.requestVideoFrameCallback(look);
    };
    handle = element.requestVideoFrameCallback(look);
    return () => element.cancelVideoFrameCallback(handle);
  }, [stream, since, onFrame]);

  useEffect(() => {
    if (video.current !== null) video.current.volume = volume;
  }, [volume]);

  useEffect(() => {
    const element = video.current;
    if (element === null || !("setSinkId" in element)) return;
    // A speaker that is gone: the sound goes on over the system's own.
    element.setSinkId(speaker ?? "").catch(() => element.setSinkId(""));
  }, [speaker]);

  useLayoutEffect(() => {
    const element = video.current;
    const small = "pictureInPictureElement" in document ? document.pictureInPictureElement : null;
    if (!shown || element === null || small === null || small === element) return;
    // The picture in its own window changes its route too. Where the browser refuses, it is in the page.
    element.requestPictureInPicture().catch((error: unknown) => console.warn("picture in picture:", error));
  }, [shown]);

  return (
    <video
      ref={video}
      autoPlay
      playsInline
      aria-label={label}
      aria-hidden={!shown}
      data-seen={shown || undefined}
      className={`absolute inset-0 size-full ${fit === "cover" ? "object-cover" : "object-contain"} ${fades ? "transition-opacity duration-300" : ""} ${shown ? (dimmed ? "opacity-25" : "opacity-100") : "opacity-0"}`}
    />
  );
}
