import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { inTalk } from "../../core/call";
import { useClient } from "../../state/client";
import { useView } from "../../state/store";
import { Confirm } from "../../ui/Dialog";
import { useScreenFocus } from "../../ui/useScreenFocus";
import { ChatPanel } from "./ChatPanel";
import { Controls } from "./Controls";
import { EndedCard } from "./EndedCard";
import { Offers } from "./Offers";
import { OwnPicture } from "./OwnPicture";
import { RemotePicture } from "./RemotePicture";
import { StageHeader } from "./StageHeader";
import { StageNote } from "./StageNote";
import { useBackAsks, useEscape, useWide } from "./page";

const ReportDialog = lazy(() => import("./ReportDialog"));

export type CallDialog = "none" | "report" | "block" | "stop";

export default function CallScreen() {
  const { t } = useTranslation();
  const client = useClient();
  const call = useView((state) => state.call);
  const screen = useScreenFocus<HTMLDivElement>();
  const wide = useWide();
  // Beside the picture there is room for it; on a phone it is a sheet that is asked for.
  const [chatWish, setChatWish] = useState<boolean | null>(null);
  const chatOpen = chatWish ?? wide;
  const [dialog, setDialog] = useState<CallDialog>("none");
  const closeDialog = useCallback(() => setDialog("none"), []);
  const talking = inTalk(call);
  useEscape();
  useBackAsks(talking, () => setDialog("stop"));
  useEffect(() => {
    const look = (): void => client.chat.setInView(chatOpen && document.visibilityState === "visible");
    look();
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [client, chatOpen]);
  if (!("talk" in call)) return null;
  const { talk } = call;
  const { name } = talk.stranger;
  const ended = call.kind === "ended";
  return (
    <div ref={screen} tabIndex={-1} className="flex h-full overflow-hidden bg-stage outline-none" data-call={call.kind}>
      <main aria-label={t("call.stage", { name })} className={`on-stage relative min-w-0 grow overflow-hidden text-white ${chatOpen ? "max-lg:mb-[62dvh]" : ""}`}>
        <h1 className="sr-only">{t("call.stage", { name })}</h1>
        <RemotePicture key={talk.match} name={name} route={talk.shown} connected={call.kind === "connected"} dimmed={ended} media={talk.media} />
        <div className="pointer-events-none absolute inset-x-0 top-0 h-28 bg-gradient-to-b from-black/60 to-transparent" />
        <div className="pointer-events-none absolute inset-x-0 bottom-0 h-36 bg-gradient-to-t from-black/70 to-transparent" />
        <StageHeader call={call} onDialog={setDialog} />
        {ended ? <EndedCard call={call} onReport={() => setDialog("report")} /> : <StageNote call={call} />}
        {talking && (
          <>
            {(wide || !chatOpen) && <OwnPicture />}
            <Offers />
            <Controls chatOpen={chatOpen} onChat={() => setChatWish(!chatOpen)} onStop={() => setDialog("stop")} stage={screen} />
          </>
        )}
      </main>
      {chatOpen && <ChatPanel name={name} open={talking} onClose={() => setChatWish(false)} />}
      {dialog === "report" && (
        <Suspense fallback={null}>
          <ReportDialog match={talk.match} name={name} talking={talking} onClose={closeDialog} />
        </Suspense>
      )}
      {dialog === "block" && talking && (
        <Confirm
          danger
          title={t("block.title", { name })}
          text={t("block.text", { name })}
          confirm={t("block.confirm")}
          onConfirm={() => {
            client.block();
            closeDialog();
          }}
          onClose={closeDialog}
        />
      )}
      {dialog === "stop" && talking && (
        <Confirm
          danger
          title={t("call.leaveAsk.title")}
          text={t("call.leaveAsk.text", { name })}
          confirm={t("call.leaveAsk.confirm")}
          onConfirm={() => client.stop()}
          onClose={closeDialog}
        />
      )}
    </div>
  );
}
