import { lazy, Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Entry } from "../screens/entry/Entry";
import { useView } from "../state/store";
import { ConnectionNotes } from "./ConnectionNotes";
import { Elsewhere } from "./Elsewhere";
import { LiveRegion } from "./LiveRegion";
import { Mark } from "./Mark";
import { Notices } from "./Notices";

const Lobby = lazy(() => import("../screens/lobby/Lobby"));
const Finding = lazy(() => import("../screens/Finding"));
const CallScreen = lazy(() => import("../screens/call/CallScreen"));

export function App() {
  const unread = useView((state) => state.chat.unread);
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) Burrow` : "Burrow";
  }, [unread]);
  return (
    <>
      <Suspense fallback={<Waiting />}>
        <Screen />
      </Suspense>
      <ConnectionNotes />
      <Notices />
      <LiveRegion />
    </>
  );
}

function Screen() {
  const session = useView((state) => state.session.kind);
  const connection = useView((state) => state.connection.kind);
  const call = useView((state) => state.call.kind);
  if (session === "restoring") return <Waiting />;
  if (session === "signed_out") return <Entry />;
  if (connection === "taken" || connection === "replaced" || connection === "disconnected") return <Elsewhere kind={connection} />;
  switch (call) {
    case "lobby":
      return <Lobby />;
    case "joining":
    case "finding":
      return <Finding />;
    case "connecting":
    case "connected":
    case "reconnecting":
    case "ended":
      return <CallScreen />;
  }
}

/** While the session is picked up or a screen's script is on its way. */
function Waiting() {
  const { t } = useTranslation();
  const away = useView((state) => state.session.kind === "restoring" && state.session.away);
  return (
    <main className="grid h-full place-items-center">
      <p className="flex flex-col items-center gap-4 text-muted">
        <Mark className="size-14 animate-pulse" />
        {away ? t("connection.unreachable") : t("common.loading")}
      </p>
    </main>
  );
}
