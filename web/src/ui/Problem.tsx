import { TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { DeviceState, Kind } from "../core/devices";
import { useClient } from "../state/client";

/** Why a device does not work, and what helps. */
export function Problem({ kind, state }: { kind: Kind; state: DeviceState }) {
  const { t } = useTranslation();
  const client = useClient();
  if (state.kind !== "failed") return null;
  const name = t(`device.${kind}`);
  return (
    <div role="group" aria-label={name} data-problem={state.problem} className="flex gap-3 rounded-xl bg-poor-soft p-3.5 text-sm">
      <TriangleAlert aria-hidden className="size-5 shrink-0 text-poor" />
      <div className="min-w-0">
        <p className="font-bold text-poor">{t(`device.problem.${state.problem}.title`, { kind: name })}</p>
        <p>{t(`device.problem.${state.problem}.text`)}</p>
        {state.problem !== "insecure" && (
          <button
            type="button"
            onClick={() => client.own.retry(kind)}
            className="mt-1 min-h-8 font-semibold underline underline-offset-4"
          >
            {t("common.tryAgain")}
          </button>
        )}
      </div>
    </div>
  );
}
