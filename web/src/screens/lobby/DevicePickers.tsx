import { Camera, CircleCheck, Mic, Volume2 } from "lucide-react";
import { useCallback, useState } from "react";
import { useTranslation } from "react-i18next";
import { systemClock } from "../../core/clock";
import { playTestSound, SPEECH } from "../../core/sound";
import { useClient } from "../../state/client";
import { useView } from "../../state/store";
import { Button } from "../../ui/Button";
import { canChooseSpeaker, DeviceSelect, SpeakerSelect } from "../../ui/DeviceSelect";
import { LevelBar } from "../../ui/LevelBar";
import { Problem } from "../../ui/Problem";

/** Camera, microphone and speaker: choose, see that they work, and what to do when they do not. */
export function DevicePickers({ seen }: { seen: MediaStream | null }) {
  const { t } = useTranslation();
  const client = useClient();
  const devices = useView((state) => state.devices);
  const moving = useView((state) => state.own !== null && state.own === seen);
  return (
    <section aria-label={t("lobby.devices")} className="flex flex-col gap-5 rounded-3xl bg-surface p-5 sheet-shadow">
      <div className="flex flex-col gap-2.5">
        <DeviceSelect
          label={t("lobby.camera")}
          icon={<Camera aria-hidden className="size-5" />}
          choices={devices.cameras}
          state={devices.camera}
          onChoose={(id) => client.own.chooseCamera(id)}
        />
        <Problem kind="camera" state={devices.camera} />
        {moving && (
          <p className="flex items-center gap-1.5 text-sm font-medium text-good">
            <CircleCheck aria-hidden className="size-4" />
            {t("lobby.cameraSeen")}
          </p>
        )}
      </div>
      <div className="flex flex-col gap-2.5">
        <DeviceSelect
          label={t("lobby.microphone")}
          icon={<Mic aria-hidden className="size-5" />}
          choices={devices.microphones}
          state={devices.microphone}
          onChoose={(id) => client.own.chooseMicrophone(id)}
        />
        <Problem kind="microphone" state={devices.microphone} />
        {devices.microphone.kind === "on" && <Level />}
      </div>
      <Speaker />
    </section>
  );
}

/** Says "we hear you" only after a voice was heard. */
function Level() {
  const { t } = useTranslation();
  const client = useClient();
  const muted = useView((state) => !state.settings.microphoneOn);
  const device = useView((state) => (state.devices.microphone.kind === "on" ? state.devices.microphone.deviceId : ""));
  const [heardDevice, setHeardDevice] = useState<string | null>(null);
  const onLevel = useCallback(
    (level: number) => {
      if (level >= SPEECH) setHeardDevice(device);
    },
    [device],
  );
  const heard = heardDevice === device;
  return (
    <div className="flex flex-col gap-1.5">
      <LevelBar meter={client.meter} label={t("lobby.level")} onLevel={onLevel} />
      <p className={`flex items-center gap-1.5 text-sm ${muted ? "font-medium text-poor" : heard ? "font-medium text-good" : "text-muted"}`}>
        {!muted && heard && <CircleCheck aria-hidden className="size-4" />}
        {t(muted ? "lobby.micMuted" : heard ? "lobby.micHeard" : "lobby.micListening")}
      </p>
    </div>
  );
}

function Speaker() {
  const { t } = useTranslation();
  const client = useClient();
  const speakers = useView((state) => state.devices.speakers);
  const chosen = useView((state) => state.settings.speakerId);
  const [test, setTest] = useState<"none" | "playing" | "asking" | "heard" | "unheard">("none");
  const play = async (): Promise<void> => {
    setTest("playing");
    try {
      await playTestSound(chosen, systemClock);
      setTest("asking");
    } catch {
      client.news.notice("speakerFailed");
      setTest("unheard");
    }
  };
  return (
    <div className="flex flex-col gap-2.5">
      {canChooseSpeaker && (
        <SpeakerSelect
          icon={<Volume2 aria-hidden className="size-5" />}
          choices={speakers}
          value={chosen}
          onChoose={(speakerId) => {
            client.set({ speakerId });
            setTest("none");
          }}
        />
      )}
      <div className="flex flex-wrap items-center gap-2">
        <Button
          icon={<Volume2 aria-hidden className="size-5" />}
          className="grow"
          aria-disabled={test === "playing"}
          onClick={() => void play()}
        >
          {t(test === "playing" ? "lobby.testPlaying" : "lobby.testSound")}
        </Button>
        {test === "asking" && (
          <div role="group" aria-label={t("lobby.testAsk")} className="flex w-full flex-wrap items-center gap-2">
            <p className="grow font-medium">{t("lobby.testAsk")}</p>
            <Button onClick={() => setTest("heard")}>{t("lobby.testYes")}</Button>
            <Button onClick={() => setTest("unheard")}>{t("lobby.testNo")}</Button>
          </div>
        )}
        {test === "heard" && (
          <p className="flex items-center gap-1.5 text-sm font-medium text-good">
            <CircleCheck aria-hidden className="size-4" />
            {t("lobby.testGood")}
          </p>
        )}
        {test === "unheard" && <p className="text-sm font-medium text-fair">{t("lobby.testBad")}</p>}
      </div>
    </div>
  );
}
