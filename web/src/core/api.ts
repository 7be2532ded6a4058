/** REST: accounts and terms. Every address is relative, so the client speaks to its own origin only. */

export interface User {
  readonly id: string;
  readonly name: string;
  readonly kind: "guest" | "registered";
  readonly role: "user" | "moderator" | "operator";
  readonly email?: string | null;
  readonly interests: readonly string[];
  readonly languages: readonly string[];
}

export interface SessionGrant {
  readonly access_token: string;
  /** Seconds. */
  readonly expires_in: number;
  readonly user: User;
}

export interface Terms {
  readonly version: string;
  readonly text: string;
}

export interface Profile {
  readonly name?: string;
  readonly interests?: readonly string[];
  readonly languages?: readonly string[];
}

/** A refusal by the service, or `unreachable` when nothing answered. */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status: number,
    readonly details: Readonly<Record<string, unknown>> = {},
    /** Seconds the service asks to wait, when it says so. */
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

interface Request {
  readonly method: "GET" | "POST" | "PATCH";
  readonly path: string;
  readonly body?: unknown;
  readonly token?: string;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

async function refusal(response: Response): Promise<ApiError> {
  const retryAfter = Number(response.headers.get("Retry-After") ?? NaN);
  const wait = Number.isFinite(retryAfter) ? retryAfter : null;
  let body: unknown = null;
  try {
    body = await response.json();
  } catch {
    // A proxy's page instead of the service's JSON: the status has to do.
  }
  if (isRecord(body) && typeof body["code"] === "string") {
    const message = typeof body["message"] === "string" ? body["message"] : "";
    const details = isRecord(body["details"]) ? body["details"] : {};
    return new ApiError(body["code"], message, response.status, details, wait);
  }
  return new ApiError(response.status >= 500 ? "internal" : "bad_request", "", response.status, {}, wait);
}

export class Api {
  constructor(
    private readonly fetch: Fetch,
    private readonly base = "api/v1",
  ) {}

  terms(): Promise<Terms> {
    return this.call<Terms>({ method: "GET", path: "terms" });
  }

  guest(name: string, termsVersion: string): Promise<SessionGrant> {
    const body = { ...(name === "" ? {} : { name }), age_confirmed: true, terms_version: termsVersion };
    return this.call<SessionGrant>({ method: "POST", path: "auth/guest", body });
  }

  async register(email: string, password: string, name: string, termsVersion: string): Promise<void> {
    const body = { email, password, name, age_confirmed: true, terms_version: termsVersion };
    await this.call<unknown>({ method: "POST", path: "auth/register", body });
  }

  login(email: string, password: string): Promise<SessionGrant> {
    return this.call<SessionGrant>({ method: "POST", path: "auth/login", body: { email, password } });
  }

  upgrade(token: string, email: string, password: string, name: string): Promise<SessionGrant> {
    const body = { email, password, ...(name === "" ? {} : { name }) };
    return this.call<SessionGrant>({ method: "POST", path: "auth/upgrade", body, token });
  }

  refresh(): Promise<SessionGrant> {
    return this.call<SessionGrant>({ method: "POST", path: "auth/refresh" });
  }

  async logout(): Promise<void> {
    await this.call<unknown>({ method: "POST", path: "auth/logout" });
  }

  changeProfile(token: string, profile: Profile): Promise<User> {
    return this.call<User>({ method: "PATCH", path: "profile", body: profile, token });
  }

  private async call<Answer>(request: Request): Promise<Answer> {
    const headers: Record<string, string> = { Accept: "application/json" };
    if (request.body !== undefined) headers["Content-Type"] = "application/json";
    if (request.token !== undefined) headers["Authorization"] = `Bearer ${request.token}`;
    let response: Response;
    try {
      response = await this.fetch(`${this.base}/${request.path}`, {
        method: request.method,
        headers,
        credentials: "same-origin",
        cache: "no-store",
        // A reload while the refresh token is being rotated must not lose the new cookie: with the old
        // one the next refresh would look like theft and end the session.
        keepalive: true,
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      });
    } catch {
      throw new ApiError("unreachable", "", 0);
    }
    if (!response.ok) throw await refusal(response);
    if (response.status === 204) return undefined as Answer;
    try {
      return (await response.json()) as Answer;
    } catch {
      throw new ApiError("internal", "", response.status);
    }
  }
}
