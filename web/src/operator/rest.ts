import { ApiError } from "../core/api";
import type { AuditBody, LimitsBody, MatchesBody, MinutesBody, StoryBody, UsersBody } from "./wire";

export interface LimitsChange {
  readonly soft: number;
  readonly hard: number;
  readonly max_legs: number;
  readonly max_egress_bps: number;
}

type Query = Readonly<Record<string, string | number | null>>;

/** The operators' REST. Every address is relative, so that it is the page's own service. */
export class OperatorRest {
  constructor(private readonly token: () => Promise<string | null>) {}

  minutes(): Promise<MinutesBody> {
    return this.ask("GET", "minutes");
  }

  story(match: string): Promise<StoryBody> {
    return this.ask("GET", `calls/${encodeURIComponent(match)}`);
  }

  matches(user: string, after: string | null): Promise<MatchesBody> {
    return this.ask("GET", "matches", { user, after, limit: 25 });
  }

  users(text: string): Promise<UsersBody> {
    return this.ask("GET", "users", { q: text });
  }

  audit(after: string | null): Promise<AuditBody> {
    return this.ask("GET", "audit", { after, limit: 25 });
  }

  endCall(match: string): Promise<unknown> {
    return this.ask("POST", `calls/${encodeURIComponent(match)}/end`);
  }

  disconnect(user: string): Promise<unknown> {
    return this.ask("POST", `users/${encodeURIComponent(user)}/disconnect`);
  }

  drain(deadlineSeconds: number | null): Promise<unknown> {
    return this.ask("POST", "node/drain", {}, { deadline_seconds: deadlineSeconds });
  }

  undrain(): Promise<unknown> {
    return this.ask("POST", "node/undrain");
  }

  setLimits(change: LimitsChange): Promise<LimitsBody> {
    return this.ask("PATCH", "node/limits", {}, change);
  }

  private async ask<Answer>(method: string, path: string, query: Query = {}, body?: unknown): Promise<Answer> {
    const token = await this.token();
    if (token === null) throw new ApiError("unauthenticated", "Log in again.", 401);
    const asked = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== null) asked.set(name, String(value));
    const search = asked.size > 0 ? `?${asked.toString()}` : "";
    let response: Response;
    try {
      response = await fetch(`api/v1/operator/${path}${search}`, {
        method,
        headers: {
          Authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        cache: "no-store",
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch {
      throw new ApiError("unreachable", "The service cannot be reached.", 0);
    }
    let answer: unknown;
    try {
      answer = await response.json();
    } catch {
      throw new ApiError("internal", `The service answered with status ${response.status} and no reason.`, response.status);
    }
    if (response.ok) return answer as Answer;
    const { code, message } = answer as { code?: string; message?: string };
    throw new ApiError(code ?? "internal", message ?? "", response.status);
  }
}
