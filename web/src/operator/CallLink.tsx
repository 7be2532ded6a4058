import { useTranslation } from "react-i18next";
import { addressOf } from "./place";

/** To one call. The whole id is there, though only its beginning shows. */
export function CallLink({ match, live = false }: { match: string; live?: boolean }) {
  const { t } = useTranslation("operator");
  return (
    <a
      href={addressOf({ kind: "call", match })}
      aria-label={t("calls.open", { match })}
      data-match={live ? match : undefined}
      className="block w-28 truncate font-mono font-medium text-accent underline underline-offset-4"
    >
      {match}
    </a>
  );
}
