import { LoaderCircle } from "lucide-react";
import { type ReactNode, type SyntheticEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "../core/api";
import { Mark } from "../app/Mark";
import { Button } from "../ui/Button";
import { TextField } from "../ui/Fields";
import { useDesk } from "./desk";

/** With the ordinary account; whether it is an operator's is seen after it. */
export function Login() {
  const { t } = useTranslation("operator");
  const desk = useDesk();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [refusal, setRefusal] = useState<string | null>(null);
  const [working, setWorking] = useState(false);
  const submit = async (event: SyntheticEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    if (working) return;
    if (email.trim() === "" || password === "") {
      setRefusal(t("login.needBoth"));
      return;
    }
    setWorking(true);
    setRefusal(null);
    try {
      await desk.session.login(email.trim(), password);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const known = ["bad_credentials", "rate_limited", "unreachable"].includes(error.code);
      setRefusal(
        known
          ? t(`login.${error.code as "bad_credentials" | "rate_limited" | "unreachable"}`)
          : t("login.other", { message: error.message }),
      );
      setWorking(false);
    }
  };
  return (
    <Alone title={t("login.title")}>
      <p className="text-muted">{t("login.text")}</p>
      <form noValidate onSubmit={(event) => void submit(event)} className="flex flex-col gap-4 text-start">
        <TextField label={t("login.email")} type="email" dir="ltr" autoComplete="username" value={email} onChange={(event) => setEmail(event.target.value)} />
        <TextField label={t("login.password")} type="password" dir="ltr" autoComplete="current-password" value={password} onChange={(event) => setPassword(event.target.value)} />
        {refusal !== null && (
          <p role="alert" className="rounded-xl bg-poor-soft px-4 py-3 font-medium text-poor">
            {refusal}
          </p>
        )}
        <Button
          type="submit"
          look="primary"
          large
          aria-disabled={working}
          icon={working ? <LoaderCircle aria-hidden className="size-5 animate-spin" /> : null}
        >
          {working ? t("login.working") : t("login.submit")}
        </Button>
      </form>
    </Alone>
  );
}

/** Logged in, and no operator. */
export function NoOperator({ name }: { name: string }) {
  const { t } = useTranslation("operator");
  const desk = useDesk();
  return (
    <Alone title={t("login.noOperator", { name })}>
      <p className="text-muted">{t("login.noOperatorText")}</p>
      <Button look="primary" onClick={() => void desk.session.logout()}>
        {t("login.noOperatorAgain")}
      </Button>
    </Alone>
  );
}

function Alone({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className="mx-auto flex min-h-full max-w-md flex-col justify-center gap-4 px-4 py-10">
      <Mark className="size-14" />
      <h1 className="text-2xl font-bold">{title}</h1>
      {children}
    </main>
  );
}
