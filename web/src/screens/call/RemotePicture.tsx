import { UserRound, Volume2 } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useView } from "../../state/store";

interface RemotePictureProps {
  name: string;
  connected: boolean;
  dimmed: boolean;
}

/** Without a picture for so long after connecting, it is said that there is none. */
const NO_PICTURE_MS = 4_000;

/**
 * The stranger. One element for one match: it stays dark until a frame that arrived after this match's
 * link, because the tracks are the leg's and still hold the last stranger's picture; and it keeps its
 * last picture while the route changes.
 */
export function RemotePicture({ name, connected, dimmed }: RemotePictureProps) {
  const { t } = useTranslation();
  const stream = useView((state) => state.incoming);
  const linkedAt = useView((state) => state.linkedAt);
  const fit = useView((state) => state.settings.fit);
  const volume = useView((state) => state.settings.volume);
  const speaker = useView((state) => state.settings.speakerId);
  const video = useRef<HTMLVideoElement>(null);
  const [seen, setSeen] = useState(false);
  const [silenced, setSilenced] = useState(false);
  const [waited, setWaited] = useState(false);

  useEffect(() => {
    const element = video.current;
    if (element === null || stream === null) return;
    element.srcObject = stream;
    element.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === "NotAllowedError") setSilenced(true);
    });
    // A closed leg takes nothing away: the element keeps its last picture until there is another stream.
  }, [stream]);

  useEffect(() => {
    const element = video.current;
    if (element === null || linkedAt === null) return;
    let handle = 0;
    const look = (now: number, frame: VideoFrameCallbackMetadata): void => {
      if ((frame.receiveTime ?? now) >= linkedAt) setSeen(true);
      else handle = element.requestVideoFrameCallback(look);
    };
    handle = element.requestVideoFrameCallback(look);
    return () => element.cancelVideoFrameCallback(handle);
  }, [linkedAt]);

  useEffect(() => {
    if (video.current !== null) video.current.volume = volume;
  }, [volume]);

  useEffect(() => {
    const element = video.current;
    if (element === null || !("setSinkId" in element)) return;
    // A speaker that is gone: the sound goes on over the system's own.
    element.setSinkId(speaker ?? "").catch(() => element.setSinkId(""));
  }, [speaker]);

  useEffect(() => {
    if (!connected) return;
    const timer = setTimeout(() => setWaited(true), NO_PICTURE_MS);
    return () => clearTimeout(timer);
  }, [connected]);

  return (
    <>
      <video
        ref={video}
        autoPlay
        playsInline
        aria-label={t("call.remote", { name })}
        data-seen={seen}
        className={`absolute inset-0 size-full transition-opacity duration-300 ${fit === "cover" ? "object-cover" : "object-contain"} ${seen ? (dimmed ? "opacity-25" : "opacity-100") : "opacity-0"}`}
      />
      {connected && !seen && (
        <div className="absolute inset-0 flex flex-col items-center justify-center gap-2 p-6 text-center">
          <UserRound aria-hidden className="size-12 opacity-70" />
          <p className="text-lg font-semibold">{waited ? t("call.noPicture", { name }) : t("call.waitingPicture")}</p>
          {waited && <p className="max-w-sm text-white/80">{t("call.noPictureHint")}</p>}
        </div>
      )}
      {silenced && !dimmed && (
        <div className="absolute inset-0 z-20 flex flex-col items-center justify-center gap-3 bg-black/50 p-6 text-center">
          <button
            type="button"
            autoFocus
            onClick={() => {
              void video.current?.play().then(() => setSilenced(false));
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
