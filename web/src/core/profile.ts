import type { Session, SessionState } from "./session";
import type { SettingsKeeper } from "./settings";

/** Interests and languages: the account's where this device has none, and then this device's at the account. */
export class Profile {
  constructor(
    private readonly session: Session,
    private readonly settings: SettingsKeeper,
  ) {}

  /** After signing in. */
  adopt({ user }: Extract<SessionState, { kind: "signed_in" }>): void {
    const { value } = this.settings;
    const { interests, languages } = user;
    if (value.interests.length === 0 && interests.length > 0) this.settings.set({ interests });
    if (value.languages.length === 0 && languages.length > 0) this.settings.set({ languages });
  }

  /** Before a search, when they are other ones than the account's. */
  save(): void {
    const { state } = this.session;
    if (state.kind !== "signed_in") return;
    const { interests, languages } = this.settings.value;
    const same = (a: readonly string[], b: readonly string[]): boolean => a.join("\n") === b.join("\n");
    if (same(state.user.interests, interests) && same(state.user.languages, languages)) return;
    // The search does not wait for it, and a profile that was not saved is saved with the next one.
    this.session.changeProfile({ interests, languages }).catch((error: unknown) => console.warn("profile:", error));
  }
}
