import "@fontsource-variable/figtree/wght.css";
import "@fontsource-variable/noto-sans-arabic/wght.css";
import "../styles.css";
import i18next from "i18next";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import type { Exclusive } from "../core/session";
import type { Store } from "../core/settings";
import { pickLanguage, startWords } from "../i18n";
import { Desk, DeskContext } from "./desk";
import { OperatorApp } from "./OperatorApp";
import { operatorEn } from "./words";

/** The real browser around the desk, as `core/browser.ts` is for the other pages. */
const exclusive: Exclusive = (work) => {
  const locks = navigator.locks as LockManager | undefined;
  return locks === undefined ? work() : locks.request("burrow-refresh", work);
};

/** A browser that forbids storage throws at the mere mention: then nothing is remembered. */
function browserStore(): Store {
  try {
    return localStorage;
  } catch {
    return { getItem: () => null, setItem: () => undefined };
  }
}

function openFeed(): WebSocket {
  const url = new URL("api/v1/operator/feed", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(url);
}

const desk = new Desk(exclusive, browserStore(), openFeed);
const { language, theme } = desk.settings;
if (theme !== "system") document.documentElement.dataset["theme"] = theme;
desk.start();
await startWords(pickLanguage(language, navigator.languages));
i18next.addResourceBundle("en", "operator", operatorEn);
if (i18next.language === "ar") {
  const { operatorAr } = await import("./words.ar");
  i18next.addResourceBundle("ar", "operator", operatorAr);
}

const root = document.getElementById("root");
if (root === null) throw new Error("operator.html has no root");
createRoot(root).render(
  <StrictMode>
    <DeskContext value={desk}>
      <OperatorApp />
    </DeskContext>
  </StrictMode>,
);
