import { LoaderCircle } from "lucide-react";
import { type ReactNode, type SyntheticEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "../core/api";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { TextField } from "../ui/Fields";
import { useDesk } from "./desk";
import type { NodeLimits } from "./wire";

interface ActDialogProps {
  title: string;
  text: string;
  confirm: string;
  /** What is said when it is done. */
  done: string;
  danger?: boolean;
  /** May throw, which is told here; null: something in the form is missing, and says so itself. */
  act: () => Promise<unknown> | null;
  onClose: () => void;
  children?: ReactNode;
}

/** Asks before anything is done, shows that it is under way, and says how it went. */
export function ActDialog({ title, text, confirm, done, danger = false, act, onClose, children }: ActDialogProps) {
  const { t } = useTranslation("operator");
  const desk = useDesk();
  const [working, setWorking] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const submit = async (event: SyntheticEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    if (working) return;
    setRefusal(null);
    const acting = act();
    if (acting === null) return;
    setWorking(true);
    try {
      await acting;
      desk.say(done);
      onClose();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setRefusal(error.message);
      setWorking(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form noValidate onSubmit={(event) => void submit(event)} className="flex flex-col gap-4">
        <p className="text-muted">{text}</p>
        {children}
        {refusal !== null && (
          <p role="alert" className="rounded-xl bg-poor-soft px-4 py-3 font-medium text-poor">
            {refusal}
          </p>
        )}
        <div className="mt-2 flex flex-wrap justify-end gap-3">
          <Button look="quiet" data-first-focus={children === undefined ? true : undefined} onClick={onClose}>
            {t("act.cancel")}
          </Button>
          <Button
            type="submit"
            look={danger ? "danger" : "primary"}
            aria-disabled={working}
            icon={working ? <LoaderCircle aria-hidden className="size-5 animate-spin" /> : null}
          >
            {working ? t("act.working") : confirm}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

export function EndCallDialog({ match, a, b, onClose }: { match: string; a: string; b: string; onClose: () => void }) {
  const { t } = useTranslation("operator");
  const desk = useDesk();
  return (
    <ActDialog
      danger
      title={t("act.endTitle")}
      text={t("act.endText", { a, b })}
      confirm={t("act.endConfirm")}
      done={t("act.ended")}
      act={() => desk.rest.endCall(match)}
      onClose={onClose}
    />
  );
}

export function DisconnectDialog({ user, name, onClose }: { user: string; name: string; onClose: () => void }) {
  const { t } = useTranslation("operator");
  const desk = useDesk();
  return (
    <ActDialog
      danger
      title={t("act.disconnectTitle", { name })}
      text={t("act.disconnectText", { name })}
      confirm={t("act.disconnectConfirm")}
      done={t("act.disconnected", { name })}
      act={() => desk.rest.disconnect(user)}
      onClose={onClose}
    />
  );
}

export function DrainDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("operator");
  const desk = useDesk();
  const [minutes, setMinutes] = useState("");
  const [fault, setFault] = useState<string | null>(null);
  const act = (): Promise<unknown> | null => {
    const given = minutes.trim() === "" ? null : number(minutes);
    if (given !== null && !(given >= 0)) {
      setFault(t("act.needNumber"));
      return null;
    }
    return desk.rest.drain(given === null ? null : given * 60);
  };
  return (
    <ActDialog
      danger
      title={t("act.drainTitle")}
      text={t("act.drainText")}
      confirm={t("act.drainConfirm")}
      done={t("act.drained")}
      act={act}
      onClose={onClose}
    >
      <TextField
        label={t("act.drainDeadline")}
        data-first-focus
        inputMode="decimal"
        error={fault}
        value={minutes}
        onChange={(event) => setMinutes(event.target.value)}
      />
    </ActDialog>
  );
}

export function UndrainDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("operator");
  const desk = useDesk();
  return (
    <ActDialog
      title={t("act.undrainTitle")}
      text={t("act.undrainText")}
      confirm={t("act.undrainConfirm")}
      done={t("act.undrained")}
      act={() => desk.rest.undrain()}
      onClose={onClose}
    />
  );
}

export function LimitsDialog({ limits, onClose }: { limits: NodeLimits; onClose: () => void }) {
  const { t } = useTranslation("operator");
  const desk = useDesk();
  const [soft, setSoft] = useState(String(limits.soft));
  const [hard, setHard] = useState(String(limits.hard));
  const [legs, setLegs] = useState(String(limits.max_legs));
  const [egress, setEgress] = useState(String(limits.max_egress_bps / 1e6));
  const [tried, setTried] = useState(false);
  const fault = (text: string): string | null => (tried && !(number(text) >= 0) ? t("act.needNumber") : null);
  const act = (): Promise<unknown> | null => {
    setTried(true);
    if ([soft, hard, legs, egress].some((text) => !(number(text) >= 0))) return null;
    return desk.rest.setLimits({
      soft: number(soft),
      hard: number(hard),
      max_legs: Math.round(number(legs)),
      max_egress_bps: Math.round(number(egress) * 1e6),
    });
  };
  return (
    <ActDialog
      title={t("act.limitsTitle")}
      text={t("act.limitsText")}
      confirm={t("act.limitsConfirm")}
      done={t("act.limited")}
      act={act}
      onClose={onClose}
    >
      <TextField label={t("act.soft")} hint={t("act.softHint")} data-first-focus inputMode="decimal" error={fault(soft)} value={soft} onChange={(event) => setSoft(event.target.value)} />
      <TextField label={t("act.hard")} hint={t("act.hardHint")} inputMode="decimal" error={fault(hard)} value={hard} onChange={(event) => setHard(event.target.value)} />
      <TextField label={t("act.maxLegs")} inputMode="numeric" error={fault(legs)} value={legs} onChange={(event) => setLegs(event.target.value)} />
      <TextField label={t("act.maxEgress")} inputMode="decimal" error={fault(egress)} value={egress} onChange={(event) => setEgress(event.target.value)} />
    </ActDialog>
  );
}

/** NaN for what is no number, the empty text included. */
function number(text: string): number {
  return text.trim() === "" ? NaN : Number(text.trim().replace(",", "."));
}
