import { useTranslation } from "react-i18next";
import { useClient } from "../state/client";
import { Button } from "../ui/Button";
import { AppBar } from "./AppBar";
import { Mark } from "./Mark";

/** This account talks in another window, or was sent away. */
export function Elsewhere({ kind }: { kind: "taken" | "replaced" | "disconnected" }) {
  const { t } = useTranslation();
  const client = useClient();
  return (
    <div className="flex min-h-full flex-col">
      <AppBar />
      <main className="flex grow flex-col items-center justify-center gap-4 px-6 pb-24 text-center">
        <Mark className="size-16" />
        <h1 className="text-2xl font-bold">{t(`connection.${kind}Title`)}</h1>
        <p className="max-w-md text-muted">{t(`connection.${kind}Text`)}</p>
        <Button look="primary" large className="mt-2" onClick={() => client.takeOver()}>
          {t(kind === "disconnected" ? "connection.comeBack" : "connection.takeOver")}
        </Button>
      </main>
    </div>
  );
}
