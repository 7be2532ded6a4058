// Puts emojibase's data where the page can load it from its own origin, when the picker is first opened.
import { cpSync, mkdirSync } from "node:fs";

const LOCALES = ["en"];
for (const locale of LOCALES) {
  const target = new URL(`../public/emoji/${locale}/`, import.meta.url);
  mkdirSync(target, { recursive: true });
  for (const file of ["data.json", "messages.json"]) {
    cpSync(new URL(`../node_modules/emojibase-data/${locale}/${file}`, import.meta.url), new URL(file, target));
  }
}
