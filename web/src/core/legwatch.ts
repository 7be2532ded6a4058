import { type CallState, inTalk } from "./call";
import { type Cancel, type Clock, every } from "./clock";
import type { Connection } from "./connection";
import type { Direct } from "./direct";
import type { Leg, LegState } from "./leg";
import { NatProbe, nothingGathered } from "./nat";
import { judgeNetwork, type NetworkReport, nothingChecked, wireNetwork } from "./network";
import { QualityGauge } from "./quality";
import { QualityReport } from "./qualityreport";
import type { View } from "./view";

const LOOK_MS = 1_000;
const LEG_AGAIN_MS = [1_000, 3_000, 8_000, 15_000] as const;
/** How long the background check of the network keeps looking. */
const CHECK_MS = 13_000;

export interface LegWatchOptions {
  readonly clock: Clock;
  readonly connection: Connection;
  readonly leg: Leg;
  readonly direct: Direct;
  readonly call: () => CallState;
  readonly openPeer: (servers: readonly RTCIceServer[]) => RTCPeerConnection;
  readonly publish: (change: Partial<View>) => void;
}

/** Reads the leg's numbers while somebody wants to know, and asks for another leg when one is gone. */
export class LegWatch {
  private readonly gauge = new QualityGauge();
  private readonly report = new QualityReport();
  private cancelLook: Cancel = () => undefined;
  private cancelAgain: Cancel = () => undefined;
  private tries = 0;
  private checkingSinceMs: number | null = null;
  private readonly worked = new Set<"udp" | "tcp">();
  private readonly probe: NatProbe;
  private nat = nothingGathered;
  private said = "";

  constructor(private readonly options: LegWatchOptions) {
    const { clock, openPeer } = options;
    const open = (stun: readonly string[]): RTCPeerConnection => openPeer([{ urls: [...stun] }]);
    this.probe = new NatProbe({ clock, open, onChange: (nat) => void (this.nat = nat) });
  }

  /** Looks at the network through the leg; nothing waits for it. */
  check(): void {
    const { clock, publish, leg, connection } = this.options;
    this.checkingSinceMs = clock.nowMs();
    publish({ network: nothingChecked });
    this.worked.clear();
    this.said = "";
    this.probe.start(connection.stun);
    const { state } = leg;
    // One that is up has chosen its way, and says nothing of the others any more.
    if (state.kind === "connected") connection.send({ type: "leg_open", replace: state.leg });
    else connection.send({ type: "leg_open" });
    this.look();
  }

  /** Whether a check goes on that has not seen TCP get through. */
  get wantsTcp(): boolean {
    return this.checkingSinceMs !== null && this.options.clock.nowMs() - this.checkingSinceMs < CHECK_MS && !this.worked.has("tcp");
  }

  tcpWorks(): void {
    this.worked.add("tcp");
  }

  /** Signed out, or put to rest: nobody wants to know. */
  stop(): void {
    this.probe.stop();
    this.checkingSinceMs = null;
  }

  /** A new route: what was measured on the last one says nothing of it. */
  forgetQuality(): void {
    this.gauge.reset();
    this.report.reset();
    this.options.publish({ quality: null });
  }

  /** Reads at once and then each second, in a talk or as long as the check goes on. */
  look(): void {
    this.cancelLook();
    void this.read();
    this.cancelLook = every(this.options.clock, LOOK_MS, () => void this.read());
  }

  changed(leg: LegState): void {
    this.cancelAgain();
    if (leg.kind === "connected") {
      this.tries = 0;
      this.look();
      return;
    }
    this.reopen(leg);
  }

  /** Asks for another leg, more patiently each time; with the socket away it is asked for after the resume. */
  reopen(state: LegState): void {
    const { clock, connection } = this.options;
    if ((state.kind !== "closed" && state.kind !== "refused") || connection.state.kind !== "open") return;
    this.cancelAgain();
    this.look();
    const wait = LEG_AGAIN_MS[Math.min(this.tries, LEG_AGAIN_MS.length - 1)] ?? 15_000;
    this.tries += 1;
    this.cancelAgain = clock.after(wait, () => {
      connection.send({ type: "leg_open" });
    });
  }

  private async read(): Promise<void> {
    const { clock, connection, leg, direct, publish, call } = this.options;
    const talk = call();
    if (inTalk(talk)) {
      // Of the route whose picture is shown, whatever the other one does.
      const { shown } = talk.talk;
      const stats = await (shown === "direct" ? direct.stats() : leg.stats(clock.nowMs()));
      const now = call();
      if (stats === null || now.kind !== "connected" || now.talk.shown !== shown) return;
      const quality = this.gauge.read(stats.totals);
      publish({ quality });
      const message = quality === null ? null : this.report.read(now.talk.match, quality, stats);
      if (message !== null) connection.send(message);
      return;
    }
    const stats = await leg.stats(clock.nowMs());
    if (this.checkingSinceMs === null) {
      this.cancelLook();
      return;
    }
    const elapsedMs = clock.nowMs() - this.checkingSinceMs;
    for (const pair of stats?.pairs ?? []) if (pair.succeeded && !pair.turned) this.worked.add(pair.protocol);
    const { state, stun, roundTripMs: serviceRoundTripMs } = connection;
    const service = state.kind === "open" ? "open" : state.kind === "waiting" && state.attempt > 1 ? "away" : "trying";
    const { nat, worked } = this;
    const report = judgeNetwork({ service, serviceRoundTripMs, leg: leg.state, stats, worked, nat, stun, elapsedMs });
    publish({ network: report });
    this.tell(report);
    if (elapsedMs > CHECK_MS) this.cancelLook();
  }

  /** The service hears what is known as soon as it is, and again when more is. */
  private tell(report: NetworkReport): void {
    const message = wireNetwork(report);
    if (message === null) return;
    const said = JSON.stringify({ ...message, rtt_ms: null });
    if (said === this.said) return;
    this.said = said;
    this.options.connection.send(message);
  }
}
