import { beforeEach, describe, expect, test } from "vitest";
import { Api, ApiError, type User } from "../../src/core/api";
import { Session } from "../../src/core/session";
import { FakeClock, settle } from "./fakes";

const USER: User = { id: "u", name: "Ada", kind: "guest", role: "user", interests: [], languages: [] };

interface Call {
  readonly path: string;
  readonly init: RequestInit;
}

let clock: FakeClock;
let calls: Call[];
let answer: (call: Call) => Response | Promise<Response>;
let marked: boolean;
let running: number;
let most: number;
let grants: number;

function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers });
}

function grant(): Response {
  grants += 1;
  return json(200, { access_token: `token-${grants}`, expires_in: 900, user: USER });
}

function makeSession(): Session {
  const api = new Api(async (path, init) => {
    calls.push({ path, init });
    running += 1;
    most = Math.max(most, running);
    try {
      return await answer({ path, init });
    } finally {
      running -= 1;
    }
  });
  return new Session(api, clock, (work) => work(), { get: () => marked, set: (present) => { marked = present; } });
}

beforeEach(() => {
  clock = new FakeClock();
  calls = [];
  marked = false;
  running = 0;
  most = 0;
  grants = 0;
  answer = grant;
});

function paths(): string[] {
  return calls.map(({ path }) => path);
}

describe("restoring", () => {
  test("without a mark nobody is asked", async () => {
    const session = makeSession();
    await session.restore();
    expect(session.state).toEqual({ kind: "signed_out", why: "start" });
    expect(calls).toEqual([]);
  });

  test("with a mark the cookie brings the session back", async () => {
    marked = true;
    const session = makeSession();
    await session.restore();
    expect(session.state).toEqual({ kind: "signed_in", user: USER });
    expect(paths()).toEqual(["api/v1/auth/refresh"]);
    // A reload during the rotation must not lose the new cookie.
    expect(calls[0]?.init.keepalive).toBe(true);
  });

  test("a refused cookie signs out quietly, a service that is away does not", async () => {
    marked = true;
    answer = () => json(401, { code: "unauthenticated", message: "", details: {} });
    const refused = makeSession();
    await refused.restore();
    expect(refused.state).toEqual({ kind: "signed_out", why: "start" });

    marked = true;
    answer = () => Promise.reject(new TypeError("network"));
    const away = makeSession();
    await away.restore();
    expect(away.state).toEqual({ kind: "restoring", away: true });
    answer = grant;
    await clock.advance(5_000);
    expect(away.state.kind).toBe("signed_in");
  });
});

describe("renewal", () => {
  test("comes before the token runs out, unnoticed", async () => {
    const session = makeSession();
    await session.guest("", "2026-11");
    await clock.advance(900_000 * 0.75 - 1);
    expect(paths()).toEqual(["api/v1/auth/guest"]);
    await clock.advance(1);
    expect(paths().at(-1)).toBe("api/v1/auth/refresh");
    expect(await session.token()).toBe("token-2");
    expect(session.state.kind).toBe("signed_in");
  });

  test("goes on trying while the service is away, and a token that ran out is renewed before use", async () => {
    const session = makeSession();
    await session.guest("", "2026-11");
    answer = () => json(503, { code: "database_unavailable", message: "", details: {} });
    await clock.advance(1_000_000);
    expect(session.state.kind).toBe("signed_in");
    expect(await session.token()).toBeNull();
    answer = grant;
    expect(await session.token()).toBe("token-2");
  });

  test("runs once however many ask", async () => {
    const session = makeSession();
    await session.guest("", "2026-11");
    const asked = await Promise.all([session.renew(), session.renew(), session.renew()]);
    expect(asked).toEqual([true, true, true]);
    expect(paths().filter((path) => path.endsWith("refresh"))).toHaveLength(1);
    expect(most).toBe(1);
  });

  test("a revoked session is told as expired", async () => {
    const session = makeSession();
    await session.guest("", "2026-11");
    answer = () => json(401, { code: "token_reused", message: "", details: {} });
    await session.renew();
    expect(session.state).toEqual({ kind: "signed_out", why: "expired" });
    expect(clock.pending).toBe(0);
  });

  test("a renewal that answers after the log-out does not sign in again", async () => {
    const session = makeSession();
    await session.guest("", "2026-11");
    let finish: (response: Response) => void = () => undefined;
    answer = ({ path }) =>
      path.endsWith("refresh") ? new Promise((resolve) => { finish = resolve; }) : new Response(null, { status: 204 });
    const renewal = session.renew();
    await settle();
    await session.logout();
    finish(grant());
    expect(await renewal).toBe(false);
    expect(session.state).toEqual({ kind: "signed_out", why: "logged_out" });
  });
});

describe("coming in", () => {
  test("a guest confirms age and terms", async () => {
    const session = makeSession();
    await session.guest("Ada", "2026-11");
    expect(JSON.parse(calls[0]?.init.body as string)).toEqual({ name: "Ada", age_confirmed: true, terms_version: "2026-11" });
    expect(marked).toBe(true);
  });

  test("registering logs in next", async () => {
    const session = makeSession();
    answer = ({ path }) => (path.endsWith("register") ? json(202, {}) : grant());
    await session.register("a@example.org", "password", "Ada", "2026-11");
    expect(paths()).toEqual(["api/v1/auth/register", "api/v1/auth/login"]);
    expect(session.state.kind).toBe("signed_in");
  });

  test("a taken address is told in its own words", async () => {
    const session = makeSession();
    answer = ({ path }) => (path.endsWith("register") ? json(202, {}) : json(401, { code: "bad_credentials", message: "", details: {} }));
    await expect(session.register("a@example.org", "password", "Ada", "1")).rejects.toMatchObject({ code: "address_unusable" });
  });

  test("upgrading keeps the user and shows the token", async () => {
    const session = makeSession();
    await session.guest("", "1");
    await session.upgrade("a@example.org", "password", "Ada");
    expect(new Headers(calls[1]?.init.headers).get("Authorization")).toBe("Bearer token-1");
  });

  test("logging out is at once, also when the service is away", async () => {
    const session = makeSession();
    await session.guest("", "1");
    answer = () => Promise.reject(new TypeError("network"));
    const done = session.logout();
    expect(session.state).toEqual({ kind: "signed_out", why: "logged_out" });
    await done;
    expect(marked).toBe(false);
  });
});

describe("refusals", () => {
  test("carry code, wait and details", async () => {
    answer = () => json(429, { code: "rate_limited", message: "slow", details: { field: "x" } }, { "Retry-After": "12" });
    const error: unknown = await makeSession().login("a@b", "x").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ code: "rate_limited", retryAfterSeconds: 12, status: 429, details: { field: "x" } });
  });

  test("a proxy's page instead of JSON is still told apart", async () => {
    answer = () => new Response("<html>", { status: 502 });
    await expect(makeSession().login("a@b", "x")).rejects.toMatchObject({ code: "internal", status: 502 });
    answer = () => new Response("<html>", { status: 200 });
    await expect(makeSession().login("a@b", "x")).rejects.toMatchObject({ code: "internal" });
  });
});
