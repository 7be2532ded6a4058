import { useTranslation } from "react-i18next";
import { useView } from "../state/store";

/** The one polite live region: everything that a screen reader is told goes through here. */
export function LiveRegion() {
  const { t } = useTranslation();
  const said = useView((state) => state.announcement);
  const notice = useView((state) => state.notices.at(-1) ?? null);
  const words =
    notice !== null && notice.id > said.id ? t(`notice.${notice.key}`) : t(`announce.${said.key}`, { name: said.name });
  const id = Math.max(said.id, notice?.id ?? 0);
  return (
    <div role="status" aria-live="polite" className="sr-only">
      {/* A new element each time, so that the same words are said again. */}
      {id > 0 && <p key={id}>{words}</p>}
    </div>
  );
}
