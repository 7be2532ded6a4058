// Generated from signaling/operators by `python -m signaling.schema`. Change it there.

/** One look at the node. */
export interface NodeStatus {
  readonly engine: string;
  readonly version: string;
  readonly started_at: number;
  readonly not_ready: readonly string[];
  readonly drain: DrainStatus | null;
  readonly load: LoadReading;
  readonly limits: NodeLimits;
  readonly self_test: SelfTestReport | null;
  readonly online: number;
  readonly sockets: number;
  readonly queued: number;
  readonly matches: number;
  readonly legs: number;
}

/** Times in Unix seconds. */
export interface DrainStatus {
  readonly by: "operator" | "signal";
  readonly since: number;
  readonly deadline: number;
  readonly calls_left: number;
}

/**
 * One look at the node's load. ``stress`` is the largest of ``shares``: 1.0 is all that this machine
 * was found to carry, and it may be more than that.
 */
export interface LoadReading {
  readonly stress: number;
  readonly level: "hard" | "normal" | "soft";
  readonly shares: Readonly<Record<string, number>>;
  readonly packets_per_second: number;
  readonly packets_capacity: number;
  readonly cpu: number;
  readonly steal: number;
  readonly lag_ms: number;
  readonly egress_bps: number;
  readonly egress_cap_bps: number;
  readonly legs: number;
  readonly opening: number;
}

/** What the operator lets the node take; can be changed while it runs. */
export interface NodeLimits {
  readonly soft: number;
  readonly hard: number;
  readonly max_legs: number;
  readonly max_egress_bps: number;
}

/** What the node's test of itself through its announced addresses found the last time. */
export interface SelfTestReport {
  readonly at: number;
  readonly ok: boolean;
  readonly failures: number;
  readonly step: "dtls" | "ice" | null;
  readonly address: string | null;
  readonly message: string | null;
  readonly elapsed_ms: number;
}

export interface LimitsBody {
  readonly soft: number;
  readonly hard: number;
  readonly max_legs: number;
  readonly max_egress_bps: number;
}

/** The oldest first. */
export interface CallsBody {
  readonly calls: readonly CallBody[];
  readonly next: string | null;
  readonly total: number;
}

/** A call in progress. ``started_at``: Unix seconds. */
export interface CallBody {
  readonly match: string;
  readonly started_at: number;
  readonly age_seconds: number;
  readonly route: "direct" | "relay" | null;
  readonly state: "connected" | "connecting" | "interrupted";
  readonly connect_ms: number | null;
  readonly a: EndBody;
  readonly b: EndBody;
}

/** One user's end of a call; ``null`` for what is not known. Bit rates in bits per second. */
export interface EndBody {
  readonly user: string;
  readonly name: string;
  readonly away: boolean;
  readonly transport: "direct" | "tcp" | "udp" | null;
  readonly sent_bps: number | null;
  readonly received_bps: number | null;
  readonly sent_loss_permille: number | null;
  readonly received_loss_permille: number | null;
  readonly jitter_ms: number | null;
  readonly rtt_ms: number | null;
  readonly quality: "fair" | "good" | "poor" | null;
  readonly quality_reason: string | null;
  readonly quality_age_seconds: number | null;
}

/** Everything known of one call: ``call`` while it goes on, ``stored`` once it is in the database. */
export interface StoryBody {
  readonly match: string;
  readonly call: CallBody | null;
  readonly stored: MatchBody | null;
  readonly steps: readonly StepBody[];
  readonly samples: readonly Sample[];
}

/** A match as it is stored. Times in Unix seconds; without ``ended_at`` it goes on. */
export interface MatchBody {
  readonly match: string;
  readonly a: PersonBody;
  readonly b: PersonBody;
  readonly started_at: number;
  readonly ended_at: number | null;
  readonly end_reason: string | null;
  readonly ended_by: string | null;
  readonly routes: readonly string[];
  readonly connect_ms: number | null;
  readonly bytes_a_to_b: number;
  readonly bytes_b_to_a: number;
}

export interface PersonBody {
  readonly id: string;
  readonly name: string;
}

/** One step of a match. ``side``: whose; ``detail``: a reason, a transport, or the step that failed. */
export interface StepBody {
  readonly at_ms: number;
  readonly step: string;
  readonly side: "a" | "b" | null;
  readonly route: "direct" | "relay" | null;
  readonly detail: string | null;
}

export type Sample = readonly [number, "direct" | "relay" | null, SampleEnd, SampleEnd];

export type SampleEnd = readonly [number | null, number | null, number | null, number | null, number | null, "fair" | "good" | "poor" | null];

export interface EndedBody {
  readonly match: string;
}

/** The newest first. */
export interface MatchesBody {
  readonly matches: readonly MatchBody[];
  readonly next: string | null;
}

export interface UsersBody {
  readonly users: readonly UserOnNode[];
}

export interface UserOnNode {
  readonly id: string;
  readonly name: string;
  readonly kind: "guest" | "registered";
  readonly role: "moderator" | "operator" | "user";
  readonly online: boolean;
  readonly match: string | null;
}

export interface DisconnectedBody {
  readonly user: string;
}

/** The oldest first. ``connect_ms_borders``: the upper borders of each minute's ``connect_ms`` classes. */
export interface MinutesBody {
  readonly minutes: readonly MinuteBody[];
  readonly connect_ms_borders: readonly number[];
}

/** What the node did in ``seconds`` from ``at`` (Unix seconds) on; ``docs/operator.md`` explains each. */
export interface MinuteBody {
  readonly at: number;
  readonly seconds: number;
  readonly stress: number;
  readonly stress_max: number;
  readonly level: string;
  readonly cpu: number;
  readonly lag_ms: number;
  readonly packets_in: number;
  readonly packets_out: number;
  readonly bytes_in: number;
  readonly bytes_out: number;
  readonly online: number;
  readonly waiting: number;
  readonly calls_direct: number;
  readonly calls_relay: number;
  readonly calls_connecting: number;
  readonly legs: number;
  readonly matches: number;
  readonly connected: Readonly<Record<string, number>>;
  readonly ends: Readonly<Record<string, number>>;
  readonly troubles: Readonly<Record<string, number>>;
  readonly drops: Readonly<Record<string, number>>;
  readonly connect_ms: Readonly<Record<string, readonly number[]>>;
}

/** The newest first. */
export interface AuditBody {
  readonly actions: readonly ActionBody[];
  readonly next: string | null;
}

/** ``outcome``: ``done``, or the code of why not. ``at``: Unix seconds. */
export interface ActionBody {
  readonly id: string;
  readonly at: number;
  readonly operator: PersonBody;
  readonly action: string;
  readonly target: string;
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
  readonly outcome: string;
}

/** Everything a page shows live. The newest replaces all before. */
export interface FeedState {
  readonly type: "state";
  readonly at: number;
  readonly node: NodeStatus;
  readonly traffic: Traffic;
  readonly counts: CallCounts;
  readonly calls: readonly CallBody[];
  readonly calls_total: number;
  readonly ends: readonly RecentEnd[];
}

/** Since the state before, a second. */
export interface Traffic {
  readonly packets_in_per_second: number;
  readonly packets_out_per_second: number;
  readonly in_bps: number;
  readonly out_bps: number;
  readonly drops_per_second: number;
}

export interface CallCounts {
  readonly direct: number;
  readonly relay: number;
  readonly connecting: number;
  readonly interrupted: number;
}

/** A match that ended lately. ``step``: at what it failed last, if anything did. */
export interface RecentEnd {
  readonly match: string;
  readonly ended_at: number;
  readonly seconds: number;
  readonly reason: string;
  readonly by: string;
  readonly routes: readonly ("direct" | "relay")[];
  readonly connect_ms: number | null;
  readonly step: string | null;
}

export interface FeedError {
  readonly type: "error";
  readonly code: string;
  readonly message: string;
}
