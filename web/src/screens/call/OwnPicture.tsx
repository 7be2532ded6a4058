import { CameraOff, Eye, EyeOff, SwitchCamera } from "lucide-react";
import { type KeyboardEvent, type PointerEvent, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { Corner } from "../../core/settings";
import { useClient } from "../../state/client";
import { useView } from "../../state/store";
import { Picture } from "../../ui/Picture";

const PLACE: Record<Corner, string> = {
  "top-start": "start-4 top-[calc(env(safe-area-inset-top)+5rem)]",
  "top-end": "end-4 top-[calc(env(safe-area-inset-top)+5rem)]",
  "bottom-start": "start-4 bottom-[calc(env(safe-area-inset-bottom)+6rem)]",
  "bottom-end": "end-4 bottom-[calc(env(safe-area-inset-bottom)+6rem)]",
};

function isRtl(): boolean {
  return document.documentElement.dir === "rtl";
}

/** Small, in a corner; dragged or sent by arrow keys to another one, or hidden. */
export function OwnPicture() {
  const { t } = useTranslation();
  const client = useClient();
  const own = useView((state) => state.own);
  const corner = useView((state) => state.settings.ownCorner);
  const shown = useView((state) => state.settings.ownShown);
  const several = useView((state) => state.devices.cameras.length > 1);
  const facing = useView((state) => (state.devices.camera.kind === "on" ? state.devices.camera.facing : null));
  const box = useRef<HTMLDivElement>(null);
  const grip = useRef<{ x: number; y: number } | null>(null);

  if (!shown) {
    return (
      <button
        type="button"
        aria-label={t("call.showOwn")}
        title={t("call.showOwn")}
        onClick={() => client.set({ ownShown: true })}
        className={`absolute z-20 flex size-12 items-center justify-center rounded-full bg-glass hover:bg-black ${PLACE[corner]}`}
      >
        <Eye aria-hidden />
      </button>
    );
  }

  const onDown = (event: PointerEvent<HTMLDivElement>): void => {
    if (event.target instanceof Element && event.target.closest("button") !== null) return;
    grip.current = { x: event.clientX, y: event.clientY };
    event.currentTarget.setPointerCapture(event.pointerId);
  };
  const onMove = (event: PointerEvent<HTMLDivElement>): void => {
    if (grip.current === null || box.current === null) return;
    box.current.style.transform = `translate(${event.clientX - grip.current.x}px, ${event.clientY - grip.current.y}px)`;
  };
  const onUp = (): void => {
    const element = box.current;
    const stage = element?.parentElement?.getBoundingClientRect();
    if (grip.current === null || element === null || stage === undefined) return;
    const own = element.getBoundingClientRect();
    grip.current = null;
    element.style.transform = "";
    const left = own.x + own.width / 2 < stage.x + stage.width / 2;
    const top = own.y + own.height / 2 < stage.y + stage.height / 2;
    client.set({ ownCorner: `${top ? "top" : "bottom"}-${left !== isRtl() ? "start" : "end"}` });
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.target !== box.current) return;
    const [vertical, horizontal] = corner.split("-");
    const toStart = event.key === (isRtl() ? "ArrowRight" : "ArrowLeft");
    const toEnd = event.key === (isRtl() ? "ArrowLeft" : "ArrowRight");
    if (!toStart && !toEnd && event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    event.preventDefault();
    const y = event.key === "ArrowUp" ? "top" : event.key === "ArrowDown" ? "bottom" : vertical === "top" ? "top" : "bottom";
    const x = toStart ? "start" : toEnd ? "end" : horizontal === "start" ? "start" : "end";
    client.set({ ownCorner: `${y}-${x}` });
  };

  return (
    <div
      ref={box}
      role="group"
      tabIndex={0}
      aria-label={t("call.ownMove")}
      data-corner={corner}
      onPointerDown={onDown}
      onPointerMove={onMove}
      onPointerUp={onUp}
      onPointerCancel={onUp}
      onKeyDown={onKey}
      className={`absolute z-20 aspect-[3/4] w-24 cursor-grab touch-none overflow-hidden rounded-2xl bg-[#2d2521] shadow-xl ring-1 ring-white/25 active:cursor-grabbing sm:aspect-video sm:w-52 ${PLACE[corner]}`}
    >
      {own !== null ? (
        <Picture
          stream={own}
          label={t("call.own")}
          className={`pointer-events-none size-full object-cover ${facing === "environment" ? "" : "mirrored"}`}
        />
      ) : (
        <div className="grid size-full place-items-center text-white/80">
          <CameraOff aria-hidden />
        </div>
      )}
      <div className="absolute inset-x-1 bottom-1 flex justify-between">
        <button
          type="button"
          aria-label={t("call.hideOwn")}
          title={t("call.hideOwn")}
          onClick={() => client.set({ ownShown: false })}
          className="flex size-9 items-center justify-center rounded-full bg-glass hover:bg-black"
        >
          <EyeOff aria-hidden className="size-4.5" />
        </button>
        {several && own !== null && (
          <button
            type="button"
            aria-label={t("call.flip")}
            title={t("call.flip")}
            onClick={() => void client.own.flipCamera()}
            className="flex size-9 items-center justify-center rounded-full bg-glass hover:bg-black"
          >
            <SwitchCamera aria-hidden className="size-4.5" />
          </button>
        )}
      </div>
    </div>
  );
}
