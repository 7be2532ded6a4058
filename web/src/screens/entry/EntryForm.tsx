import { LoaderCircle } from "lucide-react";
import { lazy, Suspense, type SyntheticEvent, useState } from "react";
import { Trans, useTranslation } from "react-i18next";
import { useClient } from "../../state/client";
import { useView } from "../../state/store";
import { Button } from "../../ui/Button";
import { CheckField, TextField } from "../../ui/Fields";
import { type Faults, faultsOf, useSentence } from "./faults";

const Terms = lazy(() => import("./Terms"));

export type EntryWay = "guest" | "login" | "register";

export function EntryForm({ way }: { way: EntryWay }) {
  const { t } = useTranslation();
  const client = useClient();
  const sentence = useSentence();
  const knownTerms = useView((state) => state.terms?.version ?? null);
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [age, setAge] = useState(false);
  const [accepted, setAccepted] = useState(false);
  const [faults, setFaults] = useState<Faults>({});
  const [refusal, setRefusal] = useState<string | null>(null);
  const [working, setWorking] = useState(false);
  const [termsOpen, setTermsOpen] = useState(false);

  const submit = async (event: SyntheticEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    if (working) return;
    const form = event.currentTarget;
    const found = faultsOf(way, { name, email, password, age, accepted });
    setFaults(found);
    setRefusal(null);
    if (Object.keys(found).length > 0) {
      requestAnimationFrame(() => form.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
      return;
    }
    setWorking(true);
    try {
      if (way === "login") {
        await client.session.login(email.trim(), password);
      } else {
        const version = knownTerms ?? (await client.loadTerms());
        if (way === "guest") await client.session.guest(name.trim(), version);
        else await client.session.register(email.trim(), password, name.trim(), version);
      }
    } catch (error) {
      setRefusal(sentence(error));
      setWorking(false);
    }
  };

  const fault = (key: keyof Faults): string | null => {
    const found = faults[key];
    return found === undefined ? null : t(`entry.${found}`);
  };
  return (
    <>
      <h2 className="text-2xl font-bold">{t(`entry.${way}Title`)}</h2>
      {way === "guest" && <p className="mt-1 text-muted">{t("entry.guestText")}</p>}
      <form noValidate onSubmit={(event) => void submit(event)} className="mt-5 flex flex-col gap-4">
        {way !== "login" && (
          <TextField
            label={t(way === "guest" ? "entry.nameOptional" : "entry.name")}
            hint={t("entry.nameHint")}
            error={fault("name")}
            value={name}
            maxLength={40}
            autoComplete="nickname"
            onChange={(event) => setName(event.target.value)}
          />
        )}
        {way !== "guest" && (
          <>
            <TextField
              label={t("entry.email")}
              error={fault("email")}
              type="email"
              dir="ltr"
              autoComplete={way === "login" ? "username" : "email"}
              value={email}
              onChange={(event) => setEmail(event.target.value)}
            />
            <TextField
              label={t("entry.password")}
              error={fault("password")}
              {...(way === "register" ? { hint: t("entry.passwordHint") } : {})}
              type="password"
              dir="ltr"
              autoComplete={way === "login" ? "current-password" : "new-password"}
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
          </>
        )}
        {way !== "login" && (
          <div>
            <CheckField checked={age} onChange={setAge} error={fault("age")}>
              {t("entry.age")}
            </CheckField>
            <CheckField checked={accepted} onChange={setAccepted} error={fault("accepted")}>
              <Trans
                i18nKey="entry.accept"
                components={{
                  terms: (
                    <button
                      type="button"
                      onClick={() => setTermsOpen(true)}
                      className="font-semibold text-accent underline underline-offset-4"
                    />
                  ),
                }}
              />
            </CheckField>
          </div>
        )}
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
          {working ? t("entry.working") : t(SUBMIT[way])}
        </Button>
      </form>
      {termsOpen && (
        <Suspense fallback={null}>
          <Terms onClose={() => setTermsOpen(false)} />
        </Suspense>
      )}
    </>
  );
}

const SUBMIT = { guest: "entry.submitGuest", login: "entry.submitLogin", register: "entry.submitRegister" } as const;
