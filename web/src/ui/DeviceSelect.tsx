import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { DeviceChoice, DeviceState } from "../core/devices";
import { SelectField } from "./Fields";

interface DeviceSelectProps {
  label: string;
  icon: ReactNode;
  choices: readonly DeviceChoice[];
  state: DeviceState;
  onChoose: (id: string) => void;
}

export function DeviceSelect({ label, icon, choices, state, onChoose }: DeviceSelectProps) {
  const { t } = useTranslation();
  const chosen = state.kind === "on" ? state.deviceId : "";
  const without = state.kind === "failed" && state.problem !== "not_found" ? t("lobby.notAllowed") : t("lobby.noneFound");
  return (
    <SelectField
      label={label}
      icon={icon}
      value={choices.some(({ id }) => id === chosen) ? chosen : ""}
      disabled={choices.length === 0}
      onChange={(event) => onChoose(event.target.value)}
    >
      {(choices.length === 0 || !choices.some(({ id }) => id === chosen)) && <option value="">{choices.length === 0 ? without : "—"}</option>}
      {choices.map((choice, index) => (
        <option key={choice.id} value={choice.id}>
          {choice.label || t("lobby.unnamed", { kind: label, number: index + 1 })}
        </option>
      ))}
    </SelectField>
  );
}

/** Where the browser lets a page choose it; elsewhere the system's own choice holds. */
export const canChooseSpeaker = "setSinkId" in HTMLMediaElement.prototype;

export function SpeakerSelect({ icon, choices, value, onChoose }: {
  icon: ReactNode;
  choices: readonly DeviceChoice[];
  value: string | null;
  onChoose: (id: string | null) => void;
}) {
  const { t } = useTranslation();
  const known = choices.filter(({ id }) => id !== "default");
  return (
    <SelectField
      label={t("lobby.speaker")}
      icon={icon}
      value={known.some(({ id }) => id === value) ? (value ?? "") : ""}
      onChange={(event) => onChoose(event.target.value === "" ? null : event.target.value)}
    >
      <option value="">{t("lobby.defaultSpeaker")}</option>
      {known.map((choice, index) => (
        <option key={choice.id} value={choice.id}>
          {choice.label || t("lobby.unnamed", { kind: t("lobby.speaker"), number: index + 1 })}
        </option>
      ))}
    </SelectField>
  );
}
