import { Eye, Hand, Waypoints } from "lucide-react";
import { type KeyboardEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { AppBar } from "../../app/AppBar";
import { useView } from "../../state/store";
import { Burrows } from "./Burrows";
import { EntryForm, type EntryWay } from "./EntryForm";

const WAYS: readonly EntryWay[] = ["guest", "login", "register"];

export function Entry() {
  const { t } = useTranslation();
  const why = useView((state) => (state.session.kind === "signed_out" ? state.session.why : "start"));
  const [way, setWay] = useState<EntryWay>("guest");
  return (
    <div className="flex min-h-full flex-col">
      <AppBar />
      <main className="mx-auto grid w-full max-w-6xl grow items-center gap-10 px-4 pb-12 sm:px-6 lg:grid-cols-[1.1fr_26rem] lg:gap-16">
        <section className="flex flex-col gap-5 max-lg:pt-2">
          <Burrows className="w-full max-w-xl max-lg:mx-auto max-lg:max-w-sm" />
          <h1 className="text-4xl font-extrabold tracking-tight sm:text-5xl max-lg:text-center">{t("app.tagline")}</h1>
          <p className="text-lg text-muted max-lg:text-center">{t("app.lead")}</p>
          <ul className="mt-2 grid gap-5 max-lg:hidden xl:grid-cols-3">
            <Point icon={<Eye aria-hidden />} title={t("app.point.see.title")} text={t("app.point.see.text")} />
            <Point icon={<Waypoints aria-hidden />} title={t("app.point.reach.title")} text={t("app.point.reach.text")} />
            <Point icon={<Hand aria-hidden />} title={t("app.point.control.title")} text={t("app.point.control.text")} />
          </ul>
        </section>
        <section className="w-full max-w-md justify-self-center rounded-3xl bg-surface p-5 sheet-shadow sm:p-7">
          {why === "expired" && (
            <p role="alert" className="mb-4 rounded-xl bg-fair-soft px-4 py-3 font-medium text-fair">
              {t("entry.expired")}
            </p>
          )}
          <Tabs way={way} onChange={setWay} />
          <div role="tabpanel" id="entry-panel" aria-labelledby={`entry-tab-${way}`}>
            <EntryForm key={way} way={way} />
          </div>
        </section>
      </main>
    </div>
  );
}

function Point({ icon, title, text }: { icon: React.ReactNode; title: string; text: string }) {
  return (
    <li className="flex gap-3 xl:flex-col">
      <span className="flex size-10 shrink-0 items-center justify-center rounded-full bg-accent-soft text-accent">{icon}</span>
      <div>
        <h2 className="font-bold">{title}</h2>
        <p className="text-muted">{text}</p>
      </div>
    </li>
  );
}

/** Tabs as the ARIA practices have them: one stop for Tab, arrows move and choose. */
function Tabs({ way, onChange }: { way: EntryWay; onChange: (way: EntryWay) => void }) {
  const { t } = useTranslation();
  const list = useRef<HTMLDivElement>(null);
  const onKey = (event: KeyboardEvent): void => {
    const forward = document.documentElement.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
    const back = document.documentElement.dir === "rtl" ? "ArrowRight" : "ArrowLeft";
    const move = event.key === forward ? 1 : event.key === back ? -1 : 0;
    const next = WAYS[(WAYS.indexOf(way) + move + WAYS.length) % WAYS.length];
    if (move === 0 || next === undefined) return;
    event.preventDefault();
    onChange(next);
    list.current?.querySelector<HTMLElement>(`#entry-tab-${next}`)?.focus();
  };
  return (
    <div
      ref={list}
      role="tablist"
      aria-label={t("entry.tabs")}
      onKeyDown={onKey}
      className="mb-6 grid grid-cols-3 gap-1 rounded-full bg-raised p-1"
    >
      {WAYS.map((name) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`entry-tab-${name}`}
          aria-selected={way === name}
          aria-controls="entry-panel"
          tabIndex={way === name ? 0 : -1}
          onClick={() => onChange(name)}
          className={`min-h-10 rounded-full px-2 font-semibold transition-colors ${way === name ? "bg-surface text-ink shadow-sm" : "text-muted hover:text-ink"}`}
        >
          {t(`entry.${name}`)}
        </button>
      ))}
    </div>
  );
}
