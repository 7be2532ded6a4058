import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useClient } from "../../state/client";
import { useView } from "../../state/store";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";

export default function Terms({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const client = useClient();
  const terms = useView((state) => state.terms);
  const [failed, setFailed] = useState(false);
  const [tries, setTries] = useState(0);
  useEffect(() => {
    if (terms !== null) return;
    client.loadTerms().catch(() => setFailed(true));
  }, [client, terms, tries]);
  return (
    <Dialog title={t("terms.title")} onClose={onClose} wide>
      {terms !== null ? (
        <>
          <p className="mb-3 text-sm text-muted">{t("terms.version", { version: terms.version })}</p>
          <div tabIndex={0} role="document" className="whitespace-pre-line rounded">
            {terms.text}
          </div>
        </>
      ) : failed ? (
        <div className="flex flex-col items-start gap-4">
          <p role="alert">{t("terms.failed")}</p>
          <Button
            onClick={() => {
              setFailed(false);
              setTries(tries + 1);
            }}
          >
            {t("common.tryAgain")}
          </Button>
        </div>
      ) : (
        <p>{t("common.loading")}</p>
      )}
    </Dialog>
  );
}
