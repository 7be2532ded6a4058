import { Camera, CameraOff, Mic, MicOff, SwitchCamera } from "lucide-react";
import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { useClient } from "../../state/client";
import { useView } from "../../state/store";
import { Picture } from "../../ui/Picture";
import { RoundToggle } from "../../ui/RoundToggle";

export function Preview({ onSeen }: { onSeen: (stream: MediaStream) => void }) {
  const { t } = useTranslation();
  const client = useClient();
  const own = useView((state) => state.own);
  const onFrame = useCallback(() => {
    if (own !== null) onSeen(own);
  }, [own, onSeen]);
  const camera = useView((state) => state.devices.camera);
  const facing = camera.kind === "on" ? camera.facing : null;
  const severalCameras = useView((state) => state.devices.cameras.length > 1);
  const microphoneOn = useView((state) => state.settings.microphoneOn && state.devices.microphone.kind === "on");
  const cameraOn = camera.kind === "on";
  return (
    <section
      aria-label={t("lobby.preview")}
      className="on-stage relative aspect-[4/3] overflow-hidden rounded-3xl bg-stage text-white sheet-shadow sm:aspect-video"
    >
      {own !== null ? (
        <Picture
          stream={own}
          label={t("lobby.preview")}
          onFrame={onFrame}
          className={`size-full object-cover ${facing === "environment" ? "" : "mirrored"}`}
        />
      ) : (
        <div className="flex size-full flex-col items-center justify-center gap-3 p-6 pb-20 text-center">
          <CameraOff aria-hidden className="size-10 opacity-70" />
          <p className="text-lg font-semibold">
            {camera.kind === "asking"
              ? t("lobby.noPicture.asking")
              : camera.kind === "failed"
                ? t(`device.problem.${camera.problem}.title`, { kind: t("device.camera") })
                : t("lobby.noPicture.off")}
          </p>
          {camera.kind === "asking" && <p className="max-w-sm text-white/80">{t("lobby.noPicture.askingHint")}</p>}
        </div>
      )}
      <div className="absolute inset-x-0 bottom-0 flex justify-center gap-3 bg-gradient-to-t from-black/70 to-transparent px-4 pt-10 pb-4">
        <RoundToggle
          on={microphoneOn}
          label={t(microphoneOn ? "lobby.micOn" : "lobby.micOff")}
          icon={microphoneOn ? <Mic aria-hidden /> : <MicOff aria-hidden />}
          onClick={() => client.own.setMicrophone(!microphoneOn)}
        />
        <RoundToggle
          on={cameraOn}
          label={t(cameraOn ? "lobby.cameraOn" : "lobby.cameraOff")}
          icon={cameraOn ? <Camera aria-hidden /> : <CameraOff aria-hidden />}
          onClick={() => client.own.setCamera(!cameraOn)}
        />
        {cameraOn && severalCameras && (
          <RoundToggle on label={t("lobby.flip")} icon={<SwitchCamera aria-hidden />} onClick={() => void client.own.flipCamera()} />
        )}
      </div>
    </section>
  );
}
