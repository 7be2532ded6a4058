import { type SyntheticEvent, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { CHAT_MAX_CHARS, type Report } from "../../core/wire";
import { useClient } from "../../state/client";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { CheckField } from "../../ui/Fields";

type Reason = Report["reason"];
const REASONS: readonly Reason[] = ["nudity", "minor", "harassment", "spam", "other"];

interface ReportDialogProps {
  match: string;
  name: string;
  talking: boolean;
  onClose: () => void;
}

export default function ReportDialog({ match, name, talking, onClose }: ReportDialogProps) {
  const { t } = useTranslation();
  const client = useClient();
  const details = useId();
  const [reason, setReason] = useState<Reason | null>(null);
  const [text, setText] = useState("");
  const [block, setBlock] = useState(true);
  const [fault, setFault] = useState<"need" | "failed" | null>(null);
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    if (reason === null) {
      setFault("need");
      return;
    }
    if (!client.report(match, reason, Array.from(text).slice(0, CHAT_MAX_CHARS).join(""))) {
      setFault("failed");
      return;
    }
    if (block && talking) client.block();
    onClose();
  };
  return (
    <Dialog title={t("report.title", { name })} onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <p className="text-muted">{t("report.text", { name })}</p>
        <fieldset className="flex flex-col gap-1">
          <legend className="mb-1 font-medium">{t("report.reason")}</legend>
          {REASONS.map((value) => (
            <label key={value} className="flex min-h-11 items-center gap-3 rounded-xl px-2 hover:bg-raised">
              <input
                type="radio"
                name="reason"
                value={value}
                checked={reason === value}
                onChange={() => {
                  setReason(value);
                  setFault(null);
                }}
                className="size-5 accent-accent"
              />
              {t(`report.reasons.${value}`)}
            </label>
          ))}
        </fieldset>
        <div>
          <label htmlFor={details} className="mb-1.5 block font-medium">
            {t("report.details")}
          </label>
          <textarea
            id={details}
            value={text}
            rows={3}
            maxLength={CHAT_MAX_CHARS}
            onChange={(event) => setText(event.target.value)}
            className="w-full rounded-xl border border-edge bg-surface p-3"
          />
        </div>
        {talking && (
          <CheckField checked={block} onChange={setBlock}>
            {t("report.alsoBlock")}
          </CheckField>
        )}
        {fault !== null && (
          <p role="alert" className="font-medium text-poor">
            {t(`report.${fault}`)}
          </p>
        )}
        <Button type="submit" look="danger">
          {t("report.submit")}
        </Button>
      </form>
    </Dialog>
  );
}
