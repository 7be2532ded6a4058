import { LogOut } from "lucide-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Mark } from "../app/Mark";
import { Button } from "../ui/Button";
import { Audit } from "./Audit";
import { CallDetail } from "./CallDetail";
import { CallsTable } from "./CallsTable";
import { Charts } from "./Charts";
import { useDesk, useDeskView } from "./desk";
import { Login, NoOperator } from "./Login";
import { NodePanel } from "./NodePanel";
import { clockTime } from "./numbers";
import { addressOf, type Place, usePlace } from "./place";
import { Search } from "./Search";
import { Why } from "./Why";

export function OperatorApp() {
  const { t } = useTranslation("operator");
  const session = useDeskView((view) => view.session);
  const refused = useDeskView((view) => view.refused);
  if (session.kind === "restoring") {
    return (
      <main className="grid h-full place-items-center text-muted">
        <p>{session.away ? t("login.unreachable") : t("login.restoring")}</p>
      </main>
    );
  }
  if (session.kind === "signed_out") return <Login />;
  if (refused) return <NoOperator name={session.user.name} />;
  return <OperatorPage />;
}

const TABS: readonly { readonly name: "overview" | "search" | "audit"; readonly place: Place }[] = [
  { name: "overview", place: { kind: "overview" } },
  { name: "search", place: { kind: "search", query: "" } },
  { name: "audit", place: { kind: "audit" } },
];

function OperatorPage() {
  const { t } = useTranslation("operator");
  const desk = useDesk();
  const place = usePlace();
  const said = useDeskView((view) => view.said);
  const main = useRef<HTMLElement>(null);
  const address = addressOf(place);
  const first = useRef(address);
  useEffect(() => {
    // Whoever goes to another place by keyboard or screen reader is taken there, not left at a link that is gone.
    if (first.current !== address) main.current?.focus();
    first.current = "";
  }, [address]);
  return (
    <div className="mx-auto flex min-h-full max-w-7xl flex-col">
      <a href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }} className="sr-only focus:not-sr-only">
        {t("skip")}
      </a>
      <header className="flex flex-wrap items-center gap-x-5 gap-y-2 border-b border-line px-4 py-3">
        <h1 className="flex items-center gap-2 font-bold">
          <Mark className="size-8" />
          {t("title")}
        </h1>
        <nav aria-label={t("nav.label")} className="flex flex-wrap gap-1">
          {TABS.map((tab) => (
            <a
              key={tab.name}
              href={addressOf(tab.place)}
              aria-current={place.kind === tab.name ? "page" : undefined}
              className="inline-flex min-h-11 items-center rounded-full px-4 font-semibold hover:bg-raised aria-[current]:bg-accent-soft aria-[current]:text-ink"
            >
              {t(`nav.${tab.name}`)}
            </a>
          ))}
        </nav>
        <div className="ms-auto flex items-center gap-3">
          <Live />
          <Button look="quiet" icon={<LogOut aria-hidden className="size-5 rtl:-scale-x-100" />} onClick={() => void desk.session.logout()}>
            {t("login.logout")}
          </Button>
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1} className="flex grow flex-col gap-8 px-4 py-5 outline-none">
        <At place={place} />
      </main>
      <p role="status" className={said === "" ? "sr-only" : "sticky bottom-3 mx-auto mb-3 rounded-full bg-ink px-5 py-2 font-medium text-paper"}>
        {said}
      </p>
    </div>
  );
}

function At({ place }: { place: Place }) {
  switch (place.kind) {
    case "call":
      return <CallDetail key={place.match} match={place.match} />;
    case "search":
      return <Search key={place.query} query={place.query} />;
    case "audit":
      return <Audit />;
    case "overview":
      return (
        <>
          <NodePanel />
          <Charts />
          <CallsTable />
          <Why />
        </>
      );
  }
}

/** Whether what is shown is of now. */
function Live() {
  const { t, i18n } = useTranslation("operator");
  const feed = useDeskView((view) => view.feed);
  const at = useDeskView((view) => view.state?.at ?? null);
  if (feed === "live") {
    return (
      <p data-feed="live" className="flex items-center gap-2 text-sm font-medium text-good">
        <span aria-hidden className="size-2.5 rounded-full bg-good" />
        {t("live.on")}
      </p>
    );
  }
  return (
    <p data-feed={feed} className="text-sm font-medium text-poor">
      {at === null ? t("live.connecting") : t("live.away", { time: clockTime(at, i18n.language) })}
    </p>
  );
}
