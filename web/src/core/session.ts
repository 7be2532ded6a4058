import { type Api, ApiError, type Profile, type SessionGrant, type User } from "./api";
import type { Cancel, Clock } from "./clock";

export type SessionState =
  /** `away`: the service did not answer yet, and is asked again. */
  | { readonly kind: "restoring"; readonly away: boolean }
  | { readonly kind: "signed_out"; readonly why: "start" | "logged_out" | "expired" }
  | { readonly kind: "signed_in"; readonly user: User };

/** Runs one piece of work at a time across all tabs of this origin. */
export type Exclusive = <T>(work: () => Promise<T>) => Promise<T>;

/** Whether a refresh cookie may be there; the cookie itself is HttpOnly and cannot be asked. */
export interface SignedInMark {
  get(): boolean;
  set(present: boolean): void;
}

/** Share of a token's life after which it is renewed: early enough for some failed attempts. */
const RENEW_AT = 0.75;
const RETRY_RENEW_MS = 5_000;
/** A token with less than this left is renewed before it is used. */
const TOO_OLD_MS = 10_000;

/** Codes that say the refresh token itself is no good, as opposed to a service that is away. */
const SESSION_IS_OVER = new Set(["unauthenticated", "token_expired", "token_reused", "bad_credentials", "forbidden"]);

/**
 * Who is signed in. The access token lives only in memory and is renewed by the refresh cookie before
 * it runs out, in the lobby as in a call; a service that is away does not sign anybody out.
 */
export class Session {
  private current: SessionState = { kind: "restoring", away: false };
  private grant: { token: string; expiresAtMs: number } | null = null;
  private cancelRenewal: Cancel = () => undefined;
  private renewing: Promise<boolean> | null = null;
  private readonly listeners = new Set<(state: SessionState) => void>();

  constructor(
    private readonly api: Api,
    private readonly clock: Clock,
    private readonly exclusive: Exclusive,
    private readonly mark: SignedInMark,
  ) {}

  get state(): SessionState {
    return this.current;
  }

  subscribe(listener: (state: SessionState) => void): Cancel {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** At the start of the page: pick up the session that the cookie stands for, if there is one. */
  async restore(): Promise<void> {
    if (!this.mark.get()) {
      this.change({ kind: "signed_out", why: "start" });
      return;
    }
    if (!(await this.renew()) && this.current.kind === "restoring") {
      this.change({ kind: "restoring", away: true });
      this.cancelRenewal = this.clock.after(RETRY_RENEW_MS, () => void this.restore());
    }
  }

  async guest(name: string, termsVersion: string): Promise<void> {
    this.accept(await this.api.guest(name, termsVersion));
  }

  /** Registers and logs in. `register` never says whether the address was taken, so the log-in does. */
  async register(email: string, password: string, name: string, termsVersion: string): Promise<void> {
    await this.api.register(email, password, name, termsVersion);
    try {
      await this.login(email, password);
    } catch (error) {
      if (error instanceof ApiError && error.code === "bad_credentials") {
        throw new ApiError("address_unusable", error.message, error.status);
      }
      throw error;
    }
  }

  async login(email: string, password: string): Promise<void> {
    this.accept(await this.api.login(email, password));
  }

  async upgrade(email: string, password: string, name: string): Promise<void> {
    const token = await this.token();
    if (token === null) throw new ApiError("unauthenticated", "", 401);
    try {
      this.accept(await this.api.upgrade(token, email, password, name));
    } catch (error) {
      if (error instanceof ApiError && error.code === "bad_credentials") {
        throw new ApiError("address_unusable", error.message, error.status);
      }
      throw error;
    }
  }

  async changeProfile(profile: Profile): Promise<void> {
    const token = await this.token();
    if (token === null) return;
    const user = await this.api.changeProfile(token, profile);
    if (this.current.kind === "signed_in") this.change({ kind: "signed_in", user });
  }

  /** Ends the session here at once, and at the service as soon as it can be told. */
  async logout(): Promise<void> {
    this.forget("logged_out");
    try {
      await this.exclusive(() => this.api.logout());
    } catch (error) {
      // The mark is gone, so this browser does not come back by itself even if the service was away.
      if (!(error instanceof ApiError)) throw error;
    }
  }

  /** A token that is good for some seconds yet, or null when there is no session or no service. */
  async token(): Promise<string | null> {
    if (this.grant !== null && this.grant.expiresAtMs - this.clock.nowMs() > TOO_OLD_MS) return this.grant.token;
    return (await this.renew()) ? (this.grant?.token ?? null) : null;
  }

  /** Asks for a new token. True when there is one; false when the service is away or the session is over. */
  renew(): Promise<boolean> {
    this.renewing ??= this.renewOnce().finally(() => {
      this.renewing = null;
    });
    return this.renewing;
  }

  private async renewOnce(): Promise<boolean> {
    if (this.current.kind === "signed_out") return false;
    try {
      // One tab at a time: two that send the same cookie would look like a stolen one.
      const grant = await this.exclusive(() => this.api.refresh());
      if (this.stateKind() === "signed_out") return false;
      this.accept(grant);
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (SESSION_IS_OVER.has(error.code)) {
        this.forget(this.stateKind() === "restoring" ? "start" : "expired");
      } else if (this.stateKind() === "signed_in") {
        this.scheduleRenewal(RETRY_RENEW_MS);
      }
      return false;
    }
  }

  /** Apart, because the state may have changed while a request was under way. */
  private stateKind(): SessionState["kind"] {
    return this.current.kind;
  }

  private accept(grant: SessionGrant): void {
    this.grant = { token: grant.access_token, expiresAtMs: this.clock.nowMs() + grant.expires_in * 1000 };
    this.mark.set(true);
    this.scheduleRenewal(grant.expires_in * 1000 * RENEW_AT);
    this.change({ kind: "signed_in", user: grant.user });
  }

  private scheduleRenewal(delayMs: number): void {
    this.cancelRenewal();
    this.cancelRenewal = this.clock.after(delayMs, () => void this.renew());
  }

  private forget(why: "start" | "logged_out" | "expired"): void {
    this.cancelRenewal();
    this.grant = null;
    this.mark.set(false);
    this.change({ kind: "signed_out", why });
  }

  private change(state: SessionState): void {
    this.current = state;
    for (const listener of this.listeners) listener(state);
  }
}
