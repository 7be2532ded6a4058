import { ArrowRight } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { AppBar } from "../../app/AppBar";
import { useClient } from "../../state/client";
import { useView } from "../../state/store";
import { Button } from "../../ui/Button";
import { useScreenFocus } from "../../ui/useScreenFocus";
import { DevicePickers } from "./DevicePickers";
import { NetworkCard } from "./NetworkCard";
import { Preview } from "./Preview";
import { Wishes } from "./Wishes";

/** The hair check: what others will see and hear, before anyone does. */
export default function Lobby() {
  const { t } = useTranslation();
  const client = useClient();
  // The stream whose picture was seen to move: no camera "works" before.
  const [seen, setSeen] = useState<MediaStream | null>(null);
  const screen = useScreenFocus<HTMLElement>();
  useEffect(() => client.own.prepare(), [client]);
  return (
    <div className="flex min-h-full flex-col">
      <AppBar />
      <main ref={screen} tabIndex={-1} className="mx-auto grid w-full max-w-6xl grow items-start gap-6 px-4 pb-32 outline-none sm:px-6 lg:grid-cols-[1fr_24rem] lg:grid-rows-[auto_1fr] lg:gap-x-8 lg:pb-10">
        <div className="flex flex-col gap-6">
          <h1 className="text-3xl font-extrabold tracking-tight">{t("lobby.title")}</h1>
          <Preview onSeen={setSeen} />
          <div className="max-lg:hidden">
            <StartButton />
          </div>
        </div>
        <div className="flex flex-col gap-6 lg:row-span-2 lg:pt-15">
          <DevicePickers seen={seen} />
          <NetworkCard />
        </div>
        <Wishes />
      </main>
      <div className="fixed inset-x-0 bottom-0 z-30 border-t border-line bg-paper px-4 pt-3 pb-[calc(env(safe-area-inset-bottom)+0.75rem)] lg:hidden">
        <StartButton />
      </div>
    </div>
  );
}

function StartButton() {
  const { t } = useTranslation();
  const client = useClient();
  const camera = useView((state) => state.devices.camera.kind === "on");
  const microphone = useView((state) => state.devices.microphone.kind === "on");
  const words = camera ? "lobby.start" : microphone ? "lobby.startWithout" : "lobby.startSilent";
  return (
    <Button
      look="primary"
      large
      className="w-full"
      onClick={() => client.find()}
      icon={<ArrowRight aria-hidden className="order-last rtl:-scale-x-100" />}
    >
      {t(words)}
    </Button>
  );
}
