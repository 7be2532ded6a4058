import { createContext, useContext } from "react";
import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";
import { ApiError, Api } from "../core/api";
import { systemClock } from "../core/clock";
import { type Exclusive, Session, type SessionState } from "../core/session";
import { type Settings, SettingsKeeper, type Store } from "../core/settings";
import { Feed, type FeedStatus } from "./feed";
import { OperatorRest } from "./rest";
import { backfilled, type Point, pointOfState, withPoint } from "./series";
import type { FeedState, MinutesBody } from "./wire";

export interface DeskView {
  readonly session: SessionState;
  /** Told by the service: the account is no operator. */
  readonly refused: boolean;
  readonly feed: FeedStatus;
  readonly state: FeedState | null;
  readonly points: readonly Point[];
  readonly minutes: MinutesBody | null;
  /** The last thing an action said, for all to read. */
  readonly said: string;
}

const FIRST: DeskView = {
  session: { kind: "restoring", away: false },
  refused: false,
  feed: "connecting",
  state: null,
  points: [],
  minutes: null,
  said: "",
};

/** Minute rows are read again so often, for what the feed does not tell: ends, troubles, times to connect. */
const MINUTES_EVERY_MS = 30_000;

/** What the page stands on: the session, the feed, REST, and the one read model of them. */
export class Desk {
  readonly view = createStore<DeskView>(() => FIRST);
  readonly settings: Settings;
  readonly session: Session;
  readonly rest: OperatorRest;
  private feed: Feed | null = null;
  private live: readonly Point[] = [];

  constructor(exclusive: Exclusive, store: Store, private readonly openFeed: () => WebSocket) {
    const keeper = new SettingsKeeper(store, () => undefined);
    this.settings = keeper.value;
    // The same session as the other pages': whoever is logged in there is logged in here.
    this.session = new Session(new Api((input, init) => fetch(input, init)), systemClock, exclusive, {
      get: () => keeper.value.signedIn,
      set: (signedIn) => keeper.set({ signedIn }),
    });
    this.rest = new OperatorRest(() => this.session.token());
    this.session.subscribe((session) => this.sessionChanged(session));
  }

  start(): void {
    void this.session.restore();
  }

  say(said: string): void {
    this.view.setState({ said });
  }

  async loadMinutes(): Promise<void> {
    try {
      const minutes = await this.rest.minutes();
      this.view.setState({ minutes, points: backfilled(minutes.minutes, this.live) });
    } catch (error) {
      // The charts go on with what is seen live; the next try is soon.
      if (!(error instanceof ApiError)) throw error;
    }
  }

  private sessionChanged(session: SessionState): void {
    const before = this.view.getState().session.kind;
    this.view.setState({ session });
    if (session.kind === "signed_in") {
      const refused = session.user.role !== "operator";
      this.view.setState({ refused });
      if (before !== "signed_in" && !refused) this.watch();
    } else {
      this.feed?.stop();
      this.feed = null;
      this.live = [];
      this.view.setState({ ...FIRST, session });
    }
  }

  private watch(): void {
    this.feed = new Feed(this.openFeed, () => this.session.token(), systemClock, {
      onStatus: (feed) => this.view.setState({ feed }),
      onState: (state) => this.stateCame(state),
      onRefused: () => this.view.setState({ refused: true }),
    });
    void this.feed.start();
    const again = (): void => {
      if (this.feed === null) return;
      void this.loadMinutes();
      systemClock.after(MINUTES_EVERY_MS, again);
    };
    again();
  }

  private stateCame(state: FeedState): void {
    this.live = withPoint(this.live, pointOfState(state));
    const { minutes } = this.view.getState();
    this.view.setState({ state, points: backfilled(minutes?.minutes ?? [], this.live) });
  }
}

export const DeskContext = createContext<Desk | null>(null);

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (desk === null) throw new Error("no desk above this component");
  return desk;
}

export function useDeskView<T>(select: (view: DeskView) => T): T {
  return useStore(useDesk().view, select);
}
