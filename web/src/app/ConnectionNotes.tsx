import { LoaderCircle } from "lucide-react";
import { useTranslation } from "react-i18next";
import { inTalk } from "../core/call";
import { useClient } from "../state/client";
import { useView } from "../state/store";

/** Says that the service is away and what happens about it. In a talk the stage says so itself. */
export function ConnectionNotes() {
  const { t } = useTranslation();
  const client = useClient();
  const connection = useView((state) => state.connection);
  const talking = useView((state) => inTalk(state.call));
  const signedIn = useView((state) => state.session.kind === "signed_in");
  const waits = connection.kind === "waiting" || (connection.kind === "connecting" && connection.attempt > 1);
  if (!waits || talking || !signedIn) return null;
  const cause = connection.kind === "waiting" ? connection.cause : "lost";
  return (
    <div className="fixed inset-x-0 bottom-[calc(env(safe-area-inset-bottom)+1rem)] z-40 flex justify-center px-4">
      <div className="flex max-w-lg animate-rise items-center gap-3 rounded-2xl bg-ink px-4 py-2 text-paper sheet-shadow">
        <LoaderCircle aria-hidden className="size-5 shrink-0 animate-spin" />
        <p role="alert">{t(`connection.${cause}`)}</p>
        <button
          type="button"
          onClick={() => client.online()}
          className="min-h-9 shrink-0 rounded-full px-3 font-semibold underline underline-offset-4"
        >
          {t("connection.now")}
        </button>
      </div>
    </div>
  );
}
