import { Camera, CameraOff, MessageCircle, Mic, MicOff, SkipForward, SlidersHorizontal, Square } from "lucide-react";
import type { RefObject } from "react";
import { useTranslation } from "react-i18next";
import { useClient } from "../../state/client";
import { useView } from "../../state/store";
import { Popover } from "../../ui/Popover";
import { RoundToggle } from "../../ui/RoundToggle";
import { ViewPanel } from "./ViewPanel";

interface ControlsProps {
  chatOpen: boolean;
  onChat: () => void;
  onStop: () => void;
  stage: RefObject<HTMLDivElement | null>;
}

export function Controls({ chatOpen, onChat, onStop, stage }: ControlsProps) {
  const { t } = useTranslation();
  const client = useClient();
  const unread = useView((state) => state.chat.unread);
  const cameraOn = useView((state) => state.devices.camera.kind === "on");
  const hasMic = useView((state) => state.devices.microphone.kind === "on");
  const micOn = useView((state) => state.settings.microphoneOn) && hasMic;
  return (
    <div
      role="toolbar"
      aria-label={t("call.controls")}
      className="absolute inset-x-0 bottom-0 z-20 flex items-center justify-center gap-2 px-3 pb-[calc(env(safe-area-inset-bottom)+1rem)] sm:gap-3"
    >
      <RoundToggle
        on={micOn}
        label={t(micOn ? "call.mute" : hasMic ? "call.unmute" : "call.noMic")}
        icon={micOn ? <Mic aria-hidden /> : <MicOff aria-hidden />}
        onClick={() => client.own.setMicrophone(!micOn)}
      />
      <RoundToggle
        on={cameraOn}
        label={t(cameraOn ? "call.cameraOff" : "call.cameraOn")}
        icon={cameraOn ? <Camera aria-hidden /> : <CameraOff aria-hidden />}
        onClick={() => client.own.setCamera(!cameraOn)}
      />
      <Popover
        label={t("call.view")}
        icon={<SlidersHorizontal aria-hidden />}
        className="flex size-12 items-center justify-center rounded-full bg-glass text-white hover:bg-black"
        panelClassName="max-sm:fixed max-sm:inset-x-3 max-sm:bottom-[calc(env(safe-area-inset-bottom)+5rem)] sm:bottom-full sm:mb-3 sm:w-88 sm:start-1/2 sm:-translate-x-1/2 sm:rtl:translate-x-1/2 max-h-[min(36rem,calc(100dvh-8rem))] overflow-y-auto p-5"
      >
        {(close) => <ViewPanel stage={stage} close={close} />}
      </Popover>
      <RoundToggle
        on
        aria-expanded={chatOpen}
        label={unread > 0 ? t("call.chatUnread", { value: unread }) : t("call.chat")}
        icon={
          <>
            <MessageCircle aria-hidden />
            {unread > 0 && (
              <span
                aria-hidden
                className="absolute -end-1 -top-1 flex h-6 min-w-6 items-center justify-center rounded-full bg-[#c9352b] px-1.5 text-sm font-bold text-white"
              >
                {Math.min(unread, 99)}
              </span>
            )}
          </>
        }
        onClick={onChat}
      />
      <span aria-hidden className="mx-0.5 h-8 w-px bg-white/30 max-sm:hidden" />
      <button
        type="button"
        onClick={onStop}
        aria-label={t("call.stop")}
        title={t("call.stop")}
        className="inline-flex size-12 items-center justify-center gap-2 rounded-full bg-glass font-semibold text-white hover:bg-black sm:w-auto sm:px-5"
      >
        <Square aria-hidden className="size-5 fill-current" />
        <span className="max-sm:hidden">{t("call.stop")}</span>
      </button>
      <button
        type="button"
        onClick={() => client.next()}
        title={t("call.escHint")}
        className="inline-flex h-12 items-center justify-center gap-2 rounded-full bg-[#f29467] px-5 font-bold text-[#2b1206] hover:bg-[#f7aa84] max-xs:px-4 sm:px-6"
      >
        {t("call.next")}
        <SkipForward aria-hidden className="size-5 fill-current max-xs:hidden rtl:-scale-x-100" />
      </button>
    </div>
  );
}
