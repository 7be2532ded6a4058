import { Gauge, LogOut, TriangleAlert, Undo2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../ui/Button";
import { DrainDialog, LimitsDialog, UndrainDialog } from "./act";
import { useDeskView } from "./desk";
import { bitRate, clockTime, dayAndTime } from "./numbers";
import type { NodeStatus } from "./wire";

type Asked = "drain" | "undrain" | "limits" | null;

const LEVEL_LOOK = { normal: "text-good", soft: "text-fair", hard: "text-poor" } as const;

/** The node at a glance, what is wrong with it, and what can be done to it. */
export function NodePanel() {
  const { t, i18n } = useTranslation("operator");
  const state = useDeskView((view) => view.state);
  const [asked, setAsked] = useState<Asked>(null);
  if (state === null) return null;
  const { node, counts, traffic } = state;
  const close = (): void => setAsked(null);
  return (
    <section aria-labelledby="node-title" className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <h2 id="node-title" className="text-lg font-bold">
          {t("node.title")}
        </h2>
        <div className="flex flex-wrap gap-2">
          <Button icon={<Gauge aria-hidden className="size-5" />} onClick={() => setAsked("limits")}>
            {t("act.limits")}
          </Button>
          {node.drain === null ? (
            <Button icon={<LogOut aria-hidden className="size-5" />} onClick={() => setAsked("drain")}>
              {t("act.drain")}
            </Button>
          ) : (
            node.drain.by === "operator" && (
              <Button icon={<Undo2 aria-hidden className="size-5" />} onClick={() => setAsked("undrain")}>
                {t("act.undrain")}
              </Button>
            )
          )}
        </div>
      </div>
      <Troubles node={node} />
      <dl className="grid grid-cols-2 gap-3 sm:grid-cols-3 lg:grid-cols-6">
        <Figure name={t("node.stress")} value={node.load.stress.toFixed(2)} look={LEVEL_LOOK[node.load.level]}>
          {t(`node.level.${node.load.level}`)}
        </Figure>
        <Figure name={t("node.calls")} value={String(state.calls_total)}>
          {t("node.byRoute", { ...counts })}
          {counts.interrupted > 0 && ` · ${t("node.interrupted", { count: counts.interrupted })}`}
        </Figure>
        <Figure name={t("node.online")} value={String(node.online)} />
        <Figure name={t("node.waiting")} value={String(node.queued)} />
        <Figure name={t("node.legs")} value={String(node.legs)}>
          {t("node.of", { limit: node.limits.max_legs })}
        </Figure>
        <Figure name={t("node.sends")} value={bitRate(traffic.out_bps)}>
          {node.limits.max_egress_bps > 0 && t("node.of", { limit: bitRate(node.limits.max_egress_bps) })}
        </Figure>
      </dl>
      <p className="text-sm text-muted">
        {t("node.engine", {
          engine: node.engine,
          version: node.version,
          since: dayAndTime(node.started_at, i18n.language),
        })}
      </p>
      {asked === "drain" && <DrainDialog onClose={close} />}
      {asked === "undrain" && <UndrainDialog onClose={close} />}
      {asked === "limits" && <LimitsDialog limits={node.limits} onClose={close} />}
    </section>
  );
}

function Troubles({ node }: { node: NodeStatus }) {
  const { t, i18n } = useTranslation("operator");
  const told: string[] = [];
  if (node.drain !== null) {
    told.push(
      t("node.draining", {
        since: clockTime(node.drain.since, i18n.language),
        calls: node.drain.calls_left,
        deadline: dayAndTime(node.drain.deadline, i18n.language),
      }),
    );
    if (node.drain.by === "signal") told.push(t("node.drainBySignal"));
  }
  const test = node.self_test;
  if (test !== null && !test.ok) {
    told.push(t("node.selfTestFailed", { failures: test.failures, step: test.step ?? "", message: test.message ?? "" }));
  }
  const reasons = node.not_ready.filter((reason) => reason !== "draining");
  if (reasons.length > 0) told.push(t("node.notReady", { reasons: reasons.join(", ") }));
  if (told.length === 0) return null;
  return (
    <ul className="flex flex-col gap-2 rounded-2xl bg-fair-soft px-4 py-3 text-ink">
      {told.map((sentence) => (
        <li key={sentence} className="flex items-start gap-2">
          <TriangleAlert aria-hidden className="mt-0.5 size-5 shrink-0 text-fair" />
          {sentence}
        </li>
      ))}
    </ul>
  );
}

interface FigureProps {
  name: string;
  value: string;
  look?: string;
  children?: ReactNode;
}

function Figure({ name, value, look = "", children }: FigureProps) {
  return (
    <div className="rounded-2xl border border-line bg-surface px-4 py-3">
      <dt className="text-sm text-muted">{name}</dt>
      <dd className={`text-2xl font-bold tabular-nums ${look}`}>{value}</dd>
      {children !== undefined && children !== false && <dd className="text-sm text-muted">{children}</dd>}
    </div>
  );
}
