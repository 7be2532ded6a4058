import "@fontsource-variable/figtree/wght.css";
import "@fontsource-variable/noto-sans-arabic/wght.css";
import "./styles.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { browserClient } from "./core/browser";
import { pickLanguage, startWords } from "./i18n";
import { ClientContext } from "./state/client";
import { publish, view } from "./state/store";

// Outside React: StrictMode renders and runs effects twice, and nothing may connect twice.
const client = browserClient(publish);
const { language, theme } = view.getState().settings;
if (theme !== "system") document.documentElement.dataset["theme"] = theme;
client.start();
await startWords(pickLanguage(language, navigator.languages));

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no root");
createRoot(root).render(
  <StrictMode>
    <ClientContext value={client}>
      <App />
    </ClientContext>
  </StrictMode>,
);
