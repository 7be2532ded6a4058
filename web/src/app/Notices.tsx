import { X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useClient } from "../state/client";
import { useView } from "../state/store";

/** Short news at the top; the live region says them too; they go away by themselves or by the button. */
export function Notices() {
  const { t } = useTranslation();
  const client = useClient();
  const notices = useView((state) => state.notices);
  if (notices.length === 0) return null;
  return (
    <section aria-label={t("common.notices")} className="pointer-events-none fixed inset-x-0 top-[calc(env(safe-area-inset-top)+6.25rem)] z-50 flex flex-col items-center gap-2 px-4">
      {notices.map(({ id, key }) => (
        <div
          key={id}
          className="pointer-events-auto flex max-w-md animate-rise items-center gap-2 rounded-full bg-ink py-1 ps-5 pe-1 font-medium text-paper sheet-shadow"
        >
          <p>{t(`notice.${key}`)}</p>
          <button
            type="button"
            aria-label={t("common.dismiss")}
            onClick={() => client.news.dismiss(id)}
            className="flex size-9 shrink-0 items-center justify-center rounded-full"
          >
            <X aria-hidden className="size-4" />
          </button>
        </div>
      ))}
    </section>
  );
}
