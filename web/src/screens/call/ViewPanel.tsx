import { Camera, Maximize, Mic, Minimize, PictureInPicture2, Volume2 } from "lucide-react";
import { type RefObject, useId } from "react";
import { useTranslation } from "react-i18next";
import { useClient } from "../../state/client";
import { useView } from "../../state/store";
import { Button } from "../../ui/Button";
import { canChooseSpeaker, DeviceSelect, SpeakerSelect } from "../../ui/DeviceSelect";
import { Switch } from "../../ui/Fields";
import { Problem } from "../../ui/Problem";

interface ViewPanelProps {
  stage: RefObject<HTMLDivElement | null>;
  close: () => void;
}

/** Everything of a talk that is set and then left alone. */
export function ViewPanel({ stage, close }: ViewPanelProps) {
  const { t } = useTranslation();
  const client = useClient();
  const settings = useView((state) => state.settings);
  const devices = useView((state) => state.devices);
  const volume = useId();
  const full = document.fullscreenElement !== null;
  const toggleFull = (): void => {
    if (full) void document.exitFullscreen();
    else void stage.current?.requestFullscreen();
    close();
  };
  const togglePip = async (): Promise<void> => {
    close();
    try {
      if (document.pictureInPictureElement !== null) await document.exitPictureInPicture();
      else await stage.current?.querySelector<HTMLVideoElement>("video[data-seen]")?.requestPictureInPicture();
    } catch {
      client.news.notice("pipFailed");
    }
  };
  return (
    <div className="flex flex-col gap-4">
      <div>
        <label htmlFor={volume} className="mb-1.5 flex items-center justify-between font-medium">
          {t("call.volume")}
          <span className="text-sm text-muted tabular-nums">{Math.round(settings.volume * 100)} %</span>
        </label>
        <input
          id={volume}
          type="range"
          min={0}
          max={1}
          step={0.05}
          value={settings.volume}
          onChange={(event) => client.set({ volume: event.target.valueAsNumber })}
          className="h-7 w-full accent-accent"
        />
      </div>
      <Switch
        label={t("call.fit")}
        checked={settings.fit === "cover"}
        onChange={(cover) => client.set({ fit: cover ? "cover" : "contain" })}
      />
      <Switch
        label={t("call.lowBandwidth")}
        hint={t("call.lowBandwidthHint")}
        checked={settings.lowBandwidth}
        onChange={(on) => client.setLowBandwidth(on)}
      />
      <Switch
        label={t("call.autoNext")}
        hint={t("call.autoNextHint")}
        checked={settings.autoNext}
        onChange={(autoNext) => client.set({ autoNext })}
      />
      <div className="flex flex-wrap gap-2">
        {document.fullscreenEnabled && (
          <Button className="grow" icon={full ? <Minimize aria-hidden className="size-5" /> : <Maximize aria-hidden className="size-5" />} onClick={toggleFull}>
            {t(full ? "call.exitFullscreen" : "call.fullscreen")}
          </Button>
        )}
        {document.pictureInPictureEnabled && (
          <Button className="grow" icon={<PictureInPicture2 aria-hidden className="size-5" />} onClick={() => void togglePip()}>
            {t("call.pip")}
          </Button>
        )}
      </div>
      <hr className="border-line" />
      <DeviceSelect
        label={t("lobby.camera")}
        icon={<Camera aria-hidden className="size-5" />}
        choices={devices.cameras}
        state={devices.camera}
        onChoose={(id) => client.own.chooseCamera(id)}
      />
      <Problem kind="camera" state={devices.camera} />
      <DeviceSelect
        label={t("lobby.microphone")}
        icon={<Mic aria-hidden className="size-5" />}
        choices={devices.microphones}
        state={devices.microphone}
        onChoose={(id) => client.own.chooseMicrophone(id)}
      />
      <Problem kind="microphone" state={devices.microphone} />
      {canChooseSpeaker && (
        <SpeakerSelect
          icon={<Volume2 aria-hidden className="size-5" />}
          choices={devices.speakers}
          value={settings.speakerId}
          onChoose={(speakerId) => client.set({ speakerId })}
        />
      )}
    </div>
  );
}
