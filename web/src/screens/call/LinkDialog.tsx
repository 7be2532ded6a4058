import { useTranslation } from "react-i18next";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";

/** Strangers send links: where one leads is shown before it opens. */
export function LinkDialog({ url, onClose }: { url: URL; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Dialog title={t("chat.linkTitle")} onClose={onClose}>
      <p>{t("chat.linkText")}</p>
      {/* As the browser reads it: look-alike letters show as punycode. */}
      <p dir="ltr" className="mt-2 rounded-xl bg-raised p-3 font-mono text-sm break-all">
        {url.protocol}//<strong>{url.host}</strong>
        {url.pathname}
        {url.search}
        {url.hash}
      </p>
      <p className="mt-3 text-sm text-muted">{t("chat.linkHint")}</p>
      <div className="mt-5 flex flex-wrap justify-end gap-3">
        <Button look="quiet" data-first-focus onClick={onClose}>
          {t("common.cancel")}
        </Button>
        <a
          href={url.href}
          target="_blank"
          rel="noopener noreferrer nofollow"
          onClick={onClose}
          className="inline-flex min-h-11 items-center rounded-full bg-accent px-5 font-semibold text-on-accent hover:bg-accent-strong"
        >
          {t("chat.linkOpen")}
        </a>
      </div>
    </Dialog>
  );
}
