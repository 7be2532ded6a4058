import { type CallEvent, type CallState, inTalk, lobby, step } from "./call";
import { CallNews } from "./callnews";
import { Chat } from "./chat";
import type { Cancel } from "./clock";
import { Connection, type ConnectionState, type Outgoing } from "./connection";
import { Direct } from "./direct";
import { Leg } from "./leg";
import { LegRecovery } from "./legrecovery";
import { LegWatch } from "./legwatch";
import { News } from "./news";
import { OwnDevices } from "./owndevices";
import { Profile } from "./profile";
import { Session, type SessionState } from "./session";
import { type Settings, SettingsKeeper } from "./settings";
import type { LevelMeter } from "./sound";
import type { Surroundings } from "./surroundings";
import type { Report, ServerMessage } from "./wire";

const ESC_ARMED_MS = 2_500;

/** Puts the parts together. Screens call its methods and read what it publishes. */
export class Client {
  readonly session: Session;
  readonly connection: Connection;
  readonly own: OwnDevices;
  readonly leg: Leg;
  readonly direct: Direct;
  readonly chat: Chat;
  readonly meter: LevelMeter;
  private readonly settings: SettingsKeeper;
  private readonly profile: Profile;
  readonly news: News;
  private readonly callNews: CallNews;
  private readonly watch: LegWatch;
  private readonly recovery: LegRecovery;
  private call: CallState = lobby;
  private pathLost = false;
  private cancelEsc: Cancel = () => undefined;
  private cancelTick: Cancel = () => undefined;

  constructor(private readonly around: Surroundings) {
    const { clock, publish } = around;
    this.news = new News(clock, publish);
    this.callNews = new CallNews(this.news);
    this.settings = new SettingsKeeper(around.store, (settings) => publish({ settings }));
    publish({ settings: this.settings.value });
    this.session = new Session(around.api, clock, around.exclusive, {
      get: () => this.settings.value.signedIn,
      set: (signedIn) => this.settings.set({ signedIn }),
    });
    this.profile = new Profile(this.session, this.settings);
    this.session.subscribe((state) => this.sessionChanged(state));
    this.connection = new Connection({
      clock,
      open: around.openSocket,
      token: () => this.session.token(),
      renew: () => this.session.renew(),
      random: around.random,
      events: {
        onState: (state) => this.connectionChanged(state),
        onMessage: (message) => this.heard(message),
        onResumed: () => {
          this.dispatch({ kind: "socket_resumed" });
          this.watch.reopen(this.leg.state);
          // A socket that was lost with a media path came back from another address: the leg's is dead too.
          if (this.pathLost) this.recovery.networkChanged();
          else this.recovery.resumed();
          this.pathLost = false;
        },
        onFresh: () => this.startAnew(),
      },
    });
    this.leg = new Leg({
      clock,
      tcpFirst: () => !inTalk(this.call) && this.watch.wantsTcp,
      onTcp: () => this.watch.tcpWorks(),
      onConnection: (leg, state) => {
        if (state === "disconnected" || state === "failed") this.pathBroke();
        this.recovery.connection(leg, state);
      },
      open: around.openPeer,
      streamOf: around.streamOf,
      answer: (leg, sdp) => this.connection.send({ type: "leg_answer", leg, sdp }),
      onState: (leg) => {
        publish({ leg });
        this.watch.changed(leg);
        if (leg.kind === "interrupted") this.recovery.interrupted();
        else if (leg.kind === "closed" || leg.kind === "none") this.recovery.forget();
      },
      onIncoming: (incoming) => publish({ incoming }),
    });
    this.direct = new Direct({
      clock,
      open: () => around.openPeer([{ urls: [...this.connection.stun] }]),
      streamOf: around.streamOf,
      send: (message) => {
        this.connection.send(message);
        if (message.type === "direct_state" && message.state !== "connected") this.pathBroke();
      },
      onIncoming: (incomingDirect) => publish({ incomingDirect }),
    });
    const { connection, direct, leg } = this;
    this.watch = new LegWatch({ clock, connection, leg, direct, call: () => this.call, openPeer: around.openPeer, publish });
    this.recovery = new LegRecovery({
      clock,
      send: (message) => this.connection.send(message),
      socketOpen: () => this.connection.state.kind === "open",
      state: () => this.leg.connectionState,
    });
    this.own = new OwnDevices(around, this.settings, this.news, {
      talking: () => inTalk(this.call),
      send: (tracks) => {
        void this.leg.send(tracks);
        this.direct.send(tracks);
      },
      say: (message) => this.connection.send(message),
    });
    this.chat = new Chat({
      clock,
      send: (message) => this.connection.send(message),
      onChange: (chat) => publish({ chat }),
      newId: around.newId,
    });
    this.meter = around.meter;
  }

  /** Once for the life of the page. */
  start(): void {
    void this.session.restore();
    void this.leg.setLowBandwidth(this.settings.value.lowBandwidth);
    this.direct.setLowBandwidth(this.settings.value.lowBandwidth);
  }

  // --- what the screens ask for ------------------------------------------------------------------

  async loadTerms(): Promise<string> {
    const terms = await this.around.api.terms();
    this.around.publish({ terms });
    return terms.version;
  }

  logout(): Promise<void> {
    this.leavePolitely();
    return this.session.logout();
  }

  set(change: Partial<Settings>): void {
    this.settings.set(change);
  }

  find(): void {
    const { interests, languages, hideAddress } = this.settings.value;
    if (this.connection.state.kind === "closed") this.connection.connect();
    this.profile.save();
    this.dispatch({ kind: "start", preferences: { interests, languages, hideAddress } });
  }

  cancel(): void {
    this.dispatch({ kind: "cancel" });
  }

  next(): void {
    this.disarm();
    this.dispatch({ kind: "next" });
  }

  stop(): void {
    this.disarm();
    this.dispatch({ kind: "stop" });
  }

  stay(): void {
    this.dispatch({ kind: "stay" });
  }

  block(): void {
    this.dispatch({ kind: "block" });
  }

  /** False when the service cannot be told now. */
  report(match: string, reason: Report["reason"], text: string): boolean {
    return this.connection.send({ type: "report", match, reason, text });
  }

  /** Esc: the first one arms, the second one goes to the next stranger. */
  escape(armed: boolean): void {
    if (!inTalk(this.call)) return;
    if (armed) {
      this.next();
      return;
    }
    this.around.publish({ escArmed: true });
    this.news.announce("escArmed");
    this.cancelEsc = this.around.clock.after(ESC_ARMED_MS, () => this.disarm());
  }

  setLowBandwidth(lowBandwidth: boolean): void {
    this.settings.set({ lowBandwidth });
    void this.leg.setLowBandwidth(lowBandwidth);
    this.direct.setLowBandwidth(lowBandwidth);
    if (lowBandwidth) this.news.notice("lowBandwidthOn");
  }

  /** Looks at the network through the relay leg; nothing waits for it. */
  checkNetwork(): void {
    this.watch.check();
  }

  /** A frame of this stream of the stranger's is on the screen. */
  seen(stream: MediaStream): void {
    this.direct.seen(stream);
  }

  takeOver(): void {
    this.connection.takeOver();
  }

  // --- what the page says ------------------------------------------------------------------------

  /** Whether closing the page would end a talk. */
  get busy(): boolean {
    return inTalk(this.call);
  }

  online(): void {
    this.connection.retryNow();
    this.networkChanged();
  }

  /** The device may have another address from now on. */
  networkChanged(): void {
    this.connection.check();
    this.recovery.networkChanged();
    this.direct.networkChanged();
  }

  visible(): void {
    this.around.wake.visible();
  }

  touched(): void {
    this.meter.wake();
  }

  /** The page goes away: the stranger need not wait for a seat nobody comes back to. */
  leaving(): void {
    this.leavePolitely();
    this.connection.close();
  }

  /** The page is back from the browser's memory. */
  back(): void {
    if (this.session.state.kind === "signed_in") this.connection.connect();
  }

  // --- what happens ------------------------------------------------------------------------------

  /** What broke a media path may have broken the socket too, which would notice it much later. */
  private pathBroke(): void {
    this.pathLost = true;
    this.connection.check();
  }

  private sessionChanged(session: SessionState): void {
    this.around.publish({ session });
    if (session.kind === "signed_in") {
      this.profile.adopt(session);
      this.connection.connect();
    } else if (session.kind === "signed_out") {
      this.connection.close();
      this.dispatch({ kind: "reset" });
      this.leg.close();
      this.watch.stop();
      this.own.stop();
    }
  }

  private connectionChanged(connection: ConnectionState): void {
    this.around.publish({ connection });
    if (connection.kind === "waiting") {
      this.chat.socketLost();
      this.dispatch({ kind: "socket_lost" });
    } else if (connection.kind === "replaced" || connection.kind === "taken" || connection.kind === "disconnected") {
      this.dispatch({ kind: "reset" });
      this.leg.close();
    }
  }

  private startAnew(): void {
    this.leg.close();
    this.chat.end();
    this.own.showing.sayAgain();
    this.dispatch({ kind: "socket_fresh" });
    this.checkNetwork();
  }

  private heard(message: ServerMessage): void {
    switch (message.type) {
      case "leg_offer":
        void this.leg.offer(message);
        return;
      case "description":
      case "candidate":
        this.direct.heard(message);
        return;
      case "leg_state":
        this.leg.report(message);
        return;
      case "reported":
        this.news.notice("reported");
        return;
      case "blocked":
        this.news.notice("blocked");
        return;
      case "error":
        if (message.code === "rate_limited") this.news.notice("tooFast");
        if (message.about === "join" && !message.code.startsWith("already_") && this.call.kind === "joining") {
          this.news.notice("joinRefused");
        }
        break;
      case "chat":
        if (inTalk(this.call) && this.call.talk.match === message.match) this.news.announce("message", message.text);
        else return;
        break;
      case "typing":
        if (message.active && !this.chat.state.strangerTypes) this.news.announce("typing");
        break;
      default:
    }
    this.chat.handle(message);
    this.dispatch({ kind: "message", message });
    if (message.type === "route" && inTalk(this.call) && this.call.talk.match === message.match) {
      if (message.route === "direct") this.direct.route(message);
      else if (message.state === "linked") this.linked();
      else if (message.state === "unlinked") void this.leg.unlink();
    }
  }

  private linked(): void {
    this.around.publish({ linkedAt: this.around.pageTimeMs() });
    void this.leg.link();
  }

  private dispatch(event: CallEvent): void {
    const before = this.call;
    const { state, send } = step(before, event, this.around.clock.nowMs(), this.settings.value);
    this.call = state;
    for (const message of send) this.transmit(message);
    if (state === before) return;
    this.around.publish({ call: state });
    this.callChanged(before, state);
  }

  private transmit(message: Outgoing): void {
    // `join` without a seat is said again by `socket_fresh`; the others mean nothing without one.
    this.connection.send(message);
  }

  private callChanged(before: CallState, now: CallState): void {
    const matchBefore = "talk" in before ? before.talk.match : null;
    const matchNow = "talk" in now ? now.talk.match : null;
    if (inTalk(before) && !inTalk(now)) {
      void this.leg.unlink();
      this.direct.end();
      this.chat.end();
      this.disarm();
      this.watch.forgetQuality();
      this.around.publish({ linkedAt: null });
    }
    if (matchNow !== matchBefore) this.chat.clear();
    this.around.wake.set(inTalk(now));
    this.cancelTick();
    if (now.kind === "ended" && now.nextAtMs !== null) {
      const delayMs = Math.max(0, now.nextAtMs - this.around.clock.nowMs());
      this.cancelTick = this.around.clock.after(delayMs, () => this.dispatch({ kind: "tick" }));
    }
    if (inTalk(now) !== inTalk(before)) this.watch.look();
    if (inTalk(before) && inTalk(now) && now.talk.shown !== before.talk.shown) {
      this.watch.forgetQuality();
      if (before.talk.shown !== null) this.callNews.routeShown(now);
    }
    if (inTalk(now) || inTalk(before)) this.own.showing.strangerIsTold(inTalk(now) && now.talk.media !== null);
    this.callNews.strangerShows(before, now);
    this.callNews.whereabouts(before, now);
  }

  private disarm(): void {
    this.cancelEsc();
    this.around.publish({ escArmed: false });
  }

  private leavePolitely(): void {
    if (this.call.kind === "lobby" || this.call.kind === "ended") return;
    this.connection.send({ type: "leave" });
  }
}
