import i18next from "i18next";
import { initReactI18next } from "react-i18next";
// Its type alone: the words of the operators' page are not loaded by anybody else.
import type { operatorEn } from "../operator/words";
import { en } from "./en";

declare module "i18next" {
  interface CustomTypeOptions {
    resources: { translation: typeof en; operator: typeof operatorEn };
  }
}

export type Language = "en" | "ar";

export const LANGUAGES: readonly { readonly code: Language; readonly name: string; readonly dir: "ltr" | "rtl" }[] = [
  { code: "en", name: "English", dir: "ltr" },
  { code: "ar", name: "العربية", dir: "rtl" },
];

/** The wished language, else the first of the browser's that there is a catalogue for. */
export function pickLanguage(wish: string | null, browser: readonly string[]): Language {
  for (const tag of [wish, ...browser]) {
    const code = tag?.split("-")[0]?.toLowerCase();
    const found = LANGUAGES.find((language) => language.code === code);
    if (found !== undefined) return found.code;
  }
  return "en";
}

export async function startWords(language: Language): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: "en",
    fallbackLng: "en",
    resources: { en: { translation: en } },
    interpolation: { escapeValue: false }, // React escapes.
    // The words are here already: nothing is waited for.
    initAsync: false,
  });
  if (language !== "en") await changeLanguage(language);
  else document.documentElement.lang = "en";
}

export async function changeLanguage(language: Language): Promise<void> {
  if (language === "ar" && !i18next.hasResourceBundle("ar", "translation")) {
    const { ar } = await import("./ar");
    i18next.addResourceBundle("ar", "translation", ar);
  }
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
  document.documentElement.dir = LANGUAGES.find(({ code }) => code === language)?.dir ?? "ltr";
}
