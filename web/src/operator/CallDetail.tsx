import { ArrowLeft, PhoneOff, UserX } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "../core/api";
import { Button } from "../ui/Button";
import { DisconnectDialog, EndCallDialog } from "./act";
import { Chart } from "./Chart";
import { Quality } from "./CallsTable";
import { useDesk, useDeskView } from "./desk";
import { bitRate, dayAndTime, duration, milliseconds, permille } from "./numbers";
import { Cell, Row, Table } from "./table";
import type { EndBody, Sample, StoryBody } from "./wire";

type Asked = { readonly kind: "end" } | { readonly kind: "disconnect"; readonly user: string; readonly name: string } | null;

/** One call: both ends, how it went over time, and each step. Asked for anew with every state of the feed. */
export function CallDetail({ match }: { match: string }) {
  const { t, i18n } = useTranslation("operator");
  const desk = useDesk();
  const tick = useDeskView((view) => view.state?.at ?? 0);
  const [story, setStory] = useState<StoryBody | null>(null);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [asked, setAsked] = useState<Asked>(null);
  const over = story !== null && story.match === match && story.call === null && (story.stored?.ended_at ?? null) !== null;

  useEffect(() => {
    if (over) return; // nothing changes any more
    let left = false;
    desk.rest.story(match).then(
      (found) => {
        if (left) return;
        setStory(found);
        setRefusal(null);
      },
      (error: unknown) => {
        if (left) return;
        if (!(error instanceof ApiError)) throw error;
        setRefusal(error.message);
      },
    );
    return () => {
      left = true;
    };
  }, [desk, match, tick, over]);

  const call = story?.call ?? null;
  const stored = story?.stored ?? null;
  return (
    <section aria-labelledby="call-title" className="flex flex-col gap-4">
      <a href="#/" className="inline-flex min-h-11 items-center gap-2 self-start font-semibold text-accent">
        <ArrowLeft aria-hidden className="size-5 rtl:-scale-x-100" />
        {t("call.back")}
      </a>
      <div className="flex flex-wrap items-center justify-between gap-3">
        <h2 id="call-title" tabIndex={-1} className="text-lg font-bold break-all">
          {t("call.title")} <span className="font-mono">{match}</span>
        </h2>
        {call !== null && (
          <Button look="danger" icon={<PhoneOff aria-hidden className="size-5" />} onClick={() => setAsked({ kind: "end" })}>
            {t("call.end")}
          </Button>
        )}
      </div>
      {refusal !== null && (
        <p role="alert" className="rounded-xl bg-poor-soft px-4 py-3 font-medium text-poor">
          {refusal}
        </p>
      )}
      <p data-call-state={call?.state ?? (over ? "over" : "unknown")} className="font-semibold">
        {call !== null
          ? `${t(`calls.states.${call.state}`)}, ${t(`calls.routes.${call.route ?? "none"}`)}, ${duration(call.age_seconds)}`
          : over && t("call.over")}
      </p>
      <ul className="text-sm text-muted">
        {stored !== null && <li>{t("call.began", { time: dayAndTime(stored.started_at, i18n.language) })}</li>}
        {stored !== null && stored.ended_at !== null && (
          <li>
            {t("call.ended", {
              time: dayAndTime(stored.ended_at, i18n.language),
              reason: stored.end_reason ?? "",
              by: stored.ended_by ?? "",
            })}
          </li>
        )}
        {(call ?? stored) !== null && <Connected ms={(call ?? stored)?.connect_ms ?? null} />}
      </ul>
      {call !== null && (
        <div className="grid gap-3 sm:grid-cols-2">
          <End side="a" end={call.a} onDisconnect={() => setAsked({ kind: "disconnect", user: call.a.user, name: call.a.name })} />
          <End side="b" end={call.b} onDisconnect={() => setAsked({ kind: "disconnect", user: call.b.user, name: call.b.name })} />
        </div>
      )}
      {call === null && stored !== null && (
        <ul className="text-sm">
          {(["a", "b"] as const).map((side) => (
            <li key={side}>
              {t("call.side", { side })}: {stored[side].name} <span className="font-mono text-muted">{stored[side].id}</span>
            </li>
          ))}
        </ul>
      )}
      {story !== null && <Course samples={story.samples} />}
      {story !== null && <Steps story={story} />}
      {asked?.kind === "end" && call !== null && (
        <EndCallDialog match={match} a={call.a.name} b={call.b.name} onClose={() => setAsked(null)} />
      )}
      {asked?.kind === "disconnect" && (
        <DisconnectDialog user={asked.user} name={asked.name} onClose={() => setAsked(null)} />
      )}
    </section>
  );
}

function Connected({ ms }: { ms: number | null }) {
  const { t } = useTranslation("operator");
  return <li>{ms === null ? t("call.neverConnected") : t("call.connected", { ms })}</li>;
}

function End({ side, end, onDisconnect }: { side: "a" | "b"; end: EndBody; onDisconnect: () => void }) {
  const { t } = useTranslation("operator");
  const rows: readonly (readonly [string, string])[] = [
    [t("calls.sends"), bitRate(end.sent_bps)],
    [t("call.sentLoss"), permille(end.sent_loss_permille)],
    [t("calls.gets"), bitRate(end.received_bps)],
    [t("call.receivedLoss"), permille(end.received_loss_permille)],
    [t("call.jitter"), milliseconds(end.jitter_ms)],
    [t("calls.rtt"), milliseconds(end.rtt_ms)],
  ];
  return (
    <div className="flex flex-col gap-2 rounded-2xl border border-line bg-surface px-4 py-3">
      <h3 className="font-semibold">
        {t("call.side", { side })}: {end.name}
        {end.away && <span className="text-poor"> ({t("calls.away")})</span>}
      </h3>
      <p className="font-mono text-sm break-all text-muted">{end.user}</p>
      <p className="text-sm">{t("call.transport", { transport: t(`call.transports.${end.transport ?? "none"}`) })}</p>
      <dl className="grid grid-cols-[1fr_auto] gap-x-4 gap-y-1 text-sm">
        {rows.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-muted">{name}</dt>
            <dd className="text-end tabular-nums">{value}</dd>
          </div>
        ))}
        <dt className="text-muted">{t("calls.quality")}</dt>
        <dd className="text-end">
          <Quality end={end} />
        </dd>
      </dl>
      <Button className="self-start" icon={<UserX aria-hidden className="size-5" />} onClick={onDisconnect}>
        {t("call.disconnect", { name: end.name })}
      </Button>
    </div>
  );
}

/** Places in a sample's end (docs/operator.md). */
const RECEIVED_BPS = 1;
const RECEIVED_LOSS = 3;
const RTT = 4;

function Course({ samples }: { samples: readonly Sample[] }) {
  const { t } = useTranslation("operator");
  if (samples.length === 0) return <p className="text-sm text-muted">{t("call.noSamples")}</p>;
  const lines = (["a", "b"] as const).map((side, index) => ({
    label: t("call.side", { side }),
    color: index === 0 ? "accent" : "good",
  }));
  const drawn = (place: number, scale: number): (number | null)[][] => [
    samples.map((sample) => sample[0] / 1000),
    ...([2, 3] as const).map((end) =>
      samples.map((sample) => {
        const value = sample[end][place];
        return typeof value === "number" ? value * scale : null;
      }),
    ),
  ];
  const charts = [
    [t("call.bitRate"), drawn(RECEIVED_BPS, 1e-6)],
    [t("call.loss"), drawn(RECEIVED_LOSS, 0.1)],
    [t("call.rtt"), drawn(RTT, 1)],
  ] as const;
  return (
    <div>
      <h3 className="mb-2 font-semibold">{t("call.course")}</h3>
      <div className="grid gap-3 sm:grid-cols-3">
        {charts.map(([title, data]) => (
          <Chart
            key={title}
            relative
            title={title}
            lines={lines}
            data={data}
            summary={lines
              .map((line, index) => {
                const value = data[index + 1]?.at(-1);
                return t("charts.now", { name: line.label, value: value?.toFixed(1) ?? t("unknown") });
              })
              .join(" · ")}
          />
        ))}
      </div>
    </div>
  );
}

function Steps({ story }: { story: StoryBody }) {
  const { t } = useTranslation("operator");
  return (
    <div>
      <h3 className="mb-2 font-semibold">{t("call.steps")}</h3>
      <Table label={t("call.steps")} heads={[t("call.at"), t("call.step"), t("calls.route"), t("call.about")]}>
        {story.steps.map((step, index) => (
          <Row key={index}>
            <Cell number>{(step.at_ms / 1000).toFixed(3)} s</Cell>
            <Cell>{step.step}</Cell>
            <Cell>{step.route ?? ""}</Cell>
            <Cell>
              {[step.side === null ? null : t("call.side", { side: step.side }), step.detail]
                .filter((part) => part !== null)
                .join(": ")}
            </Cell>
          </Row>
        ))}
      </Table>
    </div>
  );
}
