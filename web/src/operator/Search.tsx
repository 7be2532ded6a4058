import { SearchIcon, UserX } from "lucide-react";
import { type SyntheticEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "../core/api";
import { Button } from "../ui/Button";
import { TextField } from "../ui/Fields";
import { DisconnectDialog } from "./act";
import { CallLink } from "./CallLink";
import { useDesk } from "./desk";
import { dayAndTime, duration } from "./numbers";
import { go } from "./place";
import { Cell, Row, Table } from "./table";
import type { MatchBody, UserOnNode } from "./wire";

const MATCH_ID = /^[A-Za-z0-9_-]{1,64}$/u;

/** By match id, user id, address or name: a match opens at once, users are listed with their matches. */
export function Search({ query }: { query: string }) {
  const { t } = useTranslation("operator");
  const desk = useDesk();
  const [text, setText] = useState(query);
  const [found, setFound] = useState<{ readonly query: string; readonly users: readonly UserOnNode[] } | null>(null);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [chosen, setChosen] = useState<UserOnNode | null>(null);
  const [asked, setAsked] = useState<UserOnNode | null>(null);

  useEffect(() => {
    if (query === "") return;
    let left = false;
    const look = async (): Promise<void> => {
      try {
        const { users } = await desk.rest.users(query);
        if (users.length === 0 && MATCH_ID.test(query) && (await isMatch(() => desk.rest.story(query)))) {
          if (!left) go({ kind: "call", match: query });
          return;
        }
        if (left) return;
        setRefusal(null);
        setFound({ query, users });
        setChosen(users.length === 1 ? (users[0] ?? null) : null);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (!left) setRefusal(error.message);
      }
    };
    void look();
    return () => {
      left = true;
    };
  }, [desk, query]);

  const submit = (event: SyntheticEvent<HTMLFormElement>): void => {
    event.preventDefault();
    if (text.trim() !== "") go({ kind: "search", query: text.trim() });
  };
  return (
    <section aria-labelledby="search-title" className="flex flex-col gap-4">
      <h2 id="search-title" className="text-lg font-bold">
        {t("search.title")}
      </h2>
      <form role="search" onSubmit={submit} className="flex flex-wrap items-end gap-3">
        <div className="min-w-0 grow">
          <TextField label={t("search.label")} value={text} maxLength={254} dir="auto" onChange={(event) => setText(event.target.value)} />
        </div>
        <Button type="submit" look="primary" className="min-h-12" icon={<SearchIcon aria-hidden className="size-5" />}>
          {t("search.submit")}
        </Button>
      </form>
      {refusal !== null && (
        <p role="alert" className="rounded-xl bg-poor-soft px-4 py-3 font-medium text-poor">
          {refusal}
        </p>
      )}
      {found !== null && found.query === query && found.users.length === 0 && (
        <p className="text-muted">{t("search.none", { query })}</p>
      )}
      {found !== null && found.query === query && found.users.length > 0 && (
        <Table label={t("search.users")} heads={[t("calls.user"), "ID", t("calls.state"), t("nav.audit")]}>
          {found.users.map((user) => (
            <Row key={user.id}>
              <Cell>
                {user.name} <span className="text-muted">({user.role === "user" ? user.kind : user.role})</span>
              </Cell>
              <Cell>
                <span className="font-mono break-all">{user.id}</span>
              </Cell>
              <Cell>{t(user.match !== null ? "search.talking" : user.online ? "search.online" : "search.offline")}</Cell>
              <Cell>
                <div className="flex flex-wrap gap-2">
                  <Button onClick={() => setChosen(user)}>{t("search.showMatches")}</Button>
                  {user.match !== null && (
                    <Button onClick={() => go({ kind: "call", match: user.match ?? "" })}>{t("search.showCall")}</Button>
                  )}
                  {user.online && (
                    <Button icon={<UserX aria-hidden className="size-5" />} onClick={() => setAsked(user)}>
                      {t("call.disconnect", { name: user.name })}
                    </Button>
                  )}
                </div>
              </Cell>
            </Row>
          ))}
        </Table>
      )}
      {chosen !== null && <Matches key={chosen.id} user={chosen} />}
      {asked !== null && <DisconnectDialog user={asked.id} name={asked.name} onClose={() => setAsked(null)} />}
    </section>
  );
}

async function isMatch(ask: () => Promise<unknown>): Promise<boolean> {
  try {
    await ask();
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.code === "not_found") return false;
    throw error;
  }
}

function Matches({ user }: { user: UserOnNode }) {
  const { t, i18n } = useTranslation("operator");
  const desk = useDesk();
  const [matches, setMatches] = useState<readonly MatchBody[] | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const load = async (after: string | null, before: readonly MatchBody[]): Promise<void> => {
    const page = await desk.rest.matches(user.id, after);
    setMatches([...before, ...page.matches]);
    setNext(page.next);
  };
  useEffect(() => {
    let left = false;
    void desk.rest.matches(user.id, null).then((page) => {
      if (left) return;
      setMatches(page.matches);
      setNext(page.next);
    });
    return () => {
      left = true;
    };
  }, [desk, user.id]);
  if (matches === null) return null;
  const title = t("search.matches", { name: user.name });
  return (
    <div>
      <h3 className="mb-2 font-semibold">{title}</h3>
      {matches.length === 0 ? (
        <p className="text-muted">{t("search.noMatches")}</p>
      ) : (
        <Table
          label={title}
          heads={[t("calls.match"), t("audit.when"), t("search.duration"), t("calls.user"), t("calls.route"), t("search.ended")]}
        >
          {matches.map((match) => (
            <Row key={match.match}>
              <Cell>
                <CallLink match={match.match} />
              </Cell>
              <Cell number>{dayAndTime(match.started_at, i18n.language)}</Cell>
              <Cell number>{match.ended_at === null ? t("unknown") : duration(match.ended_at - match.started_at)}</Cell>
              <Cell>{match.a.id === user.id ? match.b.name : match.a.name}</Cell>
              <Cell>{match.routes.join(", ") || t("calls.routes.none")}</Cell>
              <Cell>{match.end_reason ?? t("search.talking")}</Cell>
            </Row>
          ))}
        </Table>
      )}
      {next !== null && (
        <Button className="mt-3" onClick={() => void load(next, matches)}>
          {t("calls.more")}
        </Button>
      )}
    </div>
  );
}
