import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../ui/Button";
import { useDesk, useDeskView } from "./desk";
import { dayAndTime, shortId } from "./numbers";
import { Cell, Row, Table } from "./table";
import type { ActionBody } from "./wire";

/** Every action of every operator, the newest first. */
export function Audit() {
  const { t, i18n } = useTranslation("operator");
  const desk = useDesk();
  // An action of one's own is to be seen at once.
  const said = useDeskView((view) => view.said);
  const [actions, setActions] = useState<readonly ActionBody[] | null>(null);
  const [next, setNext] = useState<string | null>(null);
  useEffect(() => {
    let left = false;
    void desk.rest.audit(null).then((page) => {
      if (left) return;
      setActions(page.actions);
      setNext(page.next);
    });
    return () => {
      left = true;
    };
  }, [desk, said]);
  const more = async (): Promise<void> => {
    const page = await desk.rest.audit(next);
    setActions([...(actions ?? []), ...page.actions]);
    setNext(page.next);
  };
  return (
    <section aria-labelledby="audit-title" className="flex flex-col gap-3">
      <h2 id="audit-title" className="text-lg font-bold">
        {t("audit.title")}
      </h2>
      {actions?.length === 0 && <p className="text-muted">{t("audit.none")}</p>}
      {actions !== null && actions.length > 0 && (
        <Table
          label={t("audit.title")}
          heads={[t("audit.when"), t("audit.who"), t("audit.what"), t("audit.target"), t("audit.change"), t("audit.outcome")]}
        >
          {actions.map((action) => (
            <Row key={action.id}>
              <Cell number>{dayAndTime(action.at, i18n.language)}</Cell>
              <Cell>{action.operator.name}</Cell>
              <Cell>{t(`audit.actions.${action.action}` as "audit.actions.call.end", { defaultValue: action.action })}</Cell>
              <Cell>
                <span className="font-mono">{shortId(action.target)}</span>
              </Cell>
              <Cell>{changes(action)}</Cell>
              <Cell>{action.outcome}</Cell>
            </Row>
          ))}
        </Table>
      )}
      {next !== null && (
        <Button className="self-start" onClick={() => void more()}>
          {t("audit.more")}
        </Button>
      )}
    </section>
  );
}

/** What is another after it than before. */
function changes({ before, after }: ActionBody): string {
  if (before === null || after === null) return "";
  return Object.keys(after)
    .filter((name) => JSON.stringify(after[name]) !== JSON.stringify(before[name]))
    .map((name) => `${name}: ${JSON.stringify(before[name] ?? null)} → ${JSON.stringify(after[name])}`)
    .join(", ");
}
