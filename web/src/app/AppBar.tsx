import { Globe, UserRound } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { User } from "../core/api";
import type { Theme } from "../core/settings";
import { changeLanguage, LANGUAGES } from "../i18n";
import { useClient } from "../state/client";
import { useView } from "../state/store";
import { Confirm } from "../ui/Dialog";
import { SelectField } from "../ui/Fields";
import { Popover } from "../ui/Popover";
import { Mark } from "./Mark";

const Upgrade = lazy(() => import("../screens/entry/Upgrade"));

const ROUND = "flex size-11 items-center justify-center rounded-full hover:bg-raised";
const PANEL = "end-0 top-full mt-2 w-72 p-4";

/** Above every screen but the call: who one is, and how the page looks and speaks. */
export function AppBar() {
  const { t } = useTranslation();
  const user = useView((state) => (state.session.kind === "signed_in" ? state.session.user : null));
  return (
    <header className="flex items-center justify-between gap-4 px-4 pt-[calc(env(safe-area-inset-top)+0.75rem)] pb-3 sm:px-6">
      <div className="flex items-center gap-3 text-xl font-extrabold tracking-tight">
        <Mark className="size-9" />
        {t("app.name")}
      </div>
      <div className="flex items-center gap-1">
        <Preferences />
        {user !== null && <Account user={user} />}
      </div>
    </header>
  );
}

function Preferences() {
  const { t, i18n } = useTranslation();
  const client = useClient();
  const theme = useView((state) => state.settings.theme);
  return (
    <Popover label={t("bar.preferences")} icon={<Globe aria-hidden />} className={ROUND} panelClassName={PANEL}>
      {() => (
        <div className="flex flex-col gap-4">
          <SelectField
            label={t("bar.language")}
            value={i18n.language}
            onChange={(event) => {
              const language = LANGUAGES.find(({ code }) => code === event.target.value);
              if (language === undefined) return;
              client.set({ language: language.code });
              void changeLanguage(language.code);
            }}
          >
            {LANGUAGES.map(({ code, name }) => (
              <option key={code} value={code} lang={code}>
                {name}
              </option>
            ))}
          </SelectField>
          <SelectField
            label={t("bar.theme")}
            value={theme}
            onChange={(event) => {
              const chosen = (["system", "light", "dark"] as const).find((name) => name === event.target.value);
              if (chosen !== undefined) applyTheme(chosen);
            }}
          >
            <option value="system">{t("bar.themes.system")}</option>
            <option value="light">{t("bar.themes.light")}</option>
            <option value="dark">{t("bar.themes.dark")}</option>
          </SelectField>
        </div>
      )}
    </Popover>
  );

  function applyTheme(chosen: Theme): void {
    client.set({ theme: chosen });
    if (chosen === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = chosen;
  }
}

function Account({ user }: { user: User }) {
  const { t } = useTranslation();
  const client = useClient();
  const searching = useView((state) => state.call.kind !== "lobby" && state.call.kind !== "ended");
  const [dialog, setDialog] = useState<"none" | "upgrade" | "logout">("none");
  const row = "flex min-h-11 w-full items-center rounded-xl px-3 text-start font-medium hover:bg-raised";
  return (
    <>
      <Popover label={t("bar.account")} icon={<UserRound aria-hidden />} className={ROUND} panelClassName={`${PANEL} flex flex-col`}>
        {(close) => (
          <>
            <div className="px-3 pb-3">
              <p className="truncate text-lg font-bold">
                <bdi>{user.name}</bdi>
              </p>
              <p className="truncate text-sm text-muted">{user.email ?? t(`bar.${user.kind}`)}</p>
            </div>
            {user.kind === "guest" && (
              <button
                type="button"
                className={row}
                onClick={() => {
                  close();
                  setDialog("upgrade");
                }}
              >
                {t("bar.upgrade")}
              </button>
            )}
            <button
              type="button"
              className={row}
              onClick={() => {
                close();
                if (searching) setDialog("logout");
                else void client.logout();
              }}
            >
              {t("bar.logout")}
            </button>
          </>
        )}
      </Popover>
      {dialog === "upgrade" && (
        <Suspense fallback={null}>
          <Upgrade name={user.name} onClose={() => setDialog("none")} />
        </Suspense>
      )}
      {dialog === "logout" && (
        <Confirm
          danger
          title={t("bar.logoutAsk.title")}
          text={t("bar.logoutAsk.text")}
          confirm={t("bar.logoutAsk.confirm")}
          onConfirm={() => void client.logout()}
          onClose={() => setDialog("none")}
        />
      )}
    </>
  );
}
