import { type SyntheticEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { useClient } from "../../state/client";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { TextField } from "../../ui/Fields";
import { type Faults, faultsOf, useSentence } from "./faults";

/** A guest becomes a registered user and stays the same one. */
export default function Upgrade({ name: current, onClose }: { name: string; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useClient();
  const sentence = useSentence();
  const [name, setName] = useState(current);
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [faults, setFaults] = useState<Faults>({});
  const [refusal, setRefusal] = useState<string | null>(null);
  const [working, setWorking] = useState(false);
  const submit = async (event: SyntheticEvent): Promise<void> => {
    event.preventDefault();
    if (working) return;
    const found = faultsOf("upgrade", { name, email, password, age: true, accepted: true });
    setFaults(found);
    setRefusal(null);
    if (Object.keys(found).length > 0) return;
    setWorking(true);
    try {
      await client.session.upgrade(email.trim(), password, name.trim());
      client.news.notice("upgraded");
      onClose();
    } catch (error) {
      setRefusal(sentence(error));
      setWorking(false);
    }
  };
  return (
    <Dialog title={t("entry.upgradeTitle")} onClose={onClose}>
      <p className="text-muted">{t("entry.upgradeText")}</p>
      <form noValidate onSubmit={(event) => void submit(event)} className="mt-5 flex flex-col gap-4">
        <TextField
          label={t("entry.name")}
          value={name}
          maxLength={40}
          autoComplete="nickname"
          onChange={(event) => setName(event.target.value)}
        />
        <TextField
          label={t("entry.email")}
          error={faults.email === undefined ? null : t(`entry.${faults.email}`)}
          type="email"
          dir="ltr"
          autoComplete="email"
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
        <TextField
          label={t("entry.password")}
          hint={t("entry.passwordHint")}
          error={faults.password === undefined ? null : t(`entry.${faults.password}`)}
          type="password"
          dir="ltr"
          autoComplete="new-password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        {refusal !== null && (
          <p role="alert" className="rounded-xl bg-poor-soft px-4 py-3 font-medium text-poor">
            {refusal}
          </p>
        )}
        <Button type="submit" look="primary" aria-disabled={working}>
          {working ? t("entry.working") : t("entry.upgradeSubmit")}
        </Button>
      </form>
    </Dialog>
  );
}
