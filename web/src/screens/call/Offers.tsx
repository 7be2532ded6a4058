import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useClient } from "../../state/client";
import { useView } from "../../state/store";

/** Over the controls: the armed Esc, and the low-bandwidth mode when the line is weak. */
export function Offers() {
  const { t } = useTranslation();
  const client = useClient();
  const escArmed = useView((state) => state.escArmed);
  const weak = useView((state) => state.quality?.grade === "poor" && state.quality.reason !== "silence");
  const low = useView((state) => state.settings.lowBandwidth);
  const [declined, setDeclined] = useState(false);
  return (
    <div className="pointer-events-none absolute inset-x-0 bottom-[calc(env(safe-area-inset-bottom)+5.5rem)] z-20 flex flex-col items-center gap-2 px-4">
      {weak && !low && !declined && (
        <div className="pointer-events-auto flex max-w-lg animate-rise flex-wrap items-center justify-center gap-2 rounded-2xl bg-black/85 px-4 py-2">
          <p className="font-medium">{t("call.offer.text")}</p>
          <button
            type="button"
            onClick={() => client.setLowBandwidth(true)}
            className="min-h-10 rounded-full bg-white px-4 font-semibold text-black"
          >
            {t("call.offer.yes")}
          </button>
          <button type="button" onClick={() => setDeclined(true)} className="min-h-10 rounded-full px-3 font-semibold">
            {t("call.offer.no")}
          </button>
        </div>
      )}
      {escArmed && (
        <p className="animate-rise rounded-full bg-white px-5 py-2.5 font-bold text-black" data-esc-armed>
          {t("call.escArmed")}
        </p>
      )}
    </div>
  );
}
