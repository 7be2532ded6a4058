// Generated from signaling/messages.py by `python -m signaling.schema`. Change it there.

export const PROTOCOL_VERSION = 1;
/** In Unicode code points. */
export const CHAT_MAX_CHARS = 1000;
export const SDP_MAX_CHARS = 24000;

/** Must be the first message, within ``auth_seconds``. */
export interface Hello {
  readonly type: "hello";
  readonly token: string;
  readonly resume?: Resume | null;
  readonly take_over?: boolean;
  readonly client?: string;
  readonly direct?: boolean;
  readonly n?: number;
}

export interface Resume {
  readonly seat: string;
  readonly received: number;
}

/** What the network check found; ``None``: not known. The newest one counts. */
export interface Network {
  readonly type: "network";
  readonly udp?: boolean | null;
  readonly tcp?: boolean | null;
  readonly mapping?: "independent" | "open" | "symmetric" | null;
  readonly rtt_ms?: number | null;
  readonly n?: number;
}

/**
 * Ask for the leg before a match (it is also the network test). ``restart`` names a leg whose network has
 * changed: it is offered again with new ICE credentials, and goes on. ``replace`` names one that is dead as
 * seen from here: it is closed and a fresh one offered.
 */
export interface OpenLeg {
  readonly type: "leg_open";
  readonly replace?: string | null;
  readonly restart?: string | null;
  readonly n?: number;
}

export interface LegAnswer {
  readonly type: "leg_answer";
  readonly leg: string;
  readonly sdp: string;
  readonly n?: number;
}

/** For the stranger's end of the direct attempt. One of another match or attempt is dropped. */
export interface SendDescription {
  readonly type: "description";
  readonly match: string;
  readonly attempt: number;
  readonly kind: "answer" | "offer";
  readonly sdp: string;
  readonly n?: number;
}

/** One trickled candidate, as ``RTCIceCandidate`` has it; an empty one says there are no more. */
export interface SendCandidate {
  readonly type: "candidate";
  readonly match: string;
  readonly attempt: number;
  readonly candidate: string;
  readonly mid?: string | null;
  readonly line?: number | null;
  readonly ufrag?: string | null;
  readonly n?: number;
}

/**
 * A fact about this end of the direct attempt: ``connected`` when ICE and DTLS are up, ``interrupted``
 * when nothing is heard, ``failed`` when it is given up; ``step`` says at what it failed.
 */
export interface DirectState {
  readonly type: "direct_state";
  readonly match: string;
  readonly attempt: number;
  readonly state: "connected" | "failed" | "interrupted";
  readonly step?: "dtls" | "ice" | null;
  readonly stats?: DirectStats | null;
  readonly n?: number;
}

/** What the client measured of the direct connection; all may be left out. */
export interface DirectStats {
  readonly rtt_ms: number | null;
  readonly sent_packets: number;
  readonly received_packets: number;
  readonly received_bytes: number;
  readonly lost_packets: number;
}

/** The stranger's media of this attempt arrives and plays here. */
export interface MediaFlowing {
  readonly type: "media_flowing";
  readonly match: string;
  readonly attempt: number;
  readonly n?: number;
}

/**
 * How the call is as this client measures it, for operators: every 10 s while connected and when the
 * level changes, 5 s apart at least. One of another match is dropped; of each side the newest is kept.
 */
export interface Quality {
  readonly type: "quality";
  readonly match: string;
  readonly level: "fair" | "good" | "poor";
  readonly reason?: string | null;
  readonly rtt_ms?: number | null;
  readonly loss_permille?: number | null;
  readonly received_bps?: number | null;
  readonly sent_bps?: number | null;
  readonly n?: number;
}

export interface Join {
  readonly type: "join";
  readonly interests?: readonly string[];
  readonly languages?: readonly string[];
  readonly hide_address?: boolean;
  readonly n?: number;
}

/** End this match and queue for another. */
export interface Next {
  readonly type: "next";
  readonly n?: number;
}

/** Leave the match or the queue; the leg stays. */
export interface Leave {
  readonly type: "leave";
  readonly n?: number;
}

export interface SendChat {
  readonly type: "chat";
  readonly id: string;
  readonly text: string;
  readonly n?: number;
}

export interface ChatReceived {
  readonly type: "chat_received";
  readonly id: string;
  readonly n?: number;
}

export interface SendTyping {
  readonly type: "typing";
  readonly active: boolean;
  readonly n?: number;
}

/**
 * What this client shows the stranger from now on, said when it changes. The newest counts, also for
 * later matches of this seat.
 */
export interface Media {
  readonly type: "media";
  readonly camera: boolean;
  readonly microphone: boolean;
  readonly n?: number;
}

/** End this match and never be matched with this stranger again. */
export interface Block {
  readonly type: "block";
  readonly n?: number;
}

/** Report the stranger of this match, or of the one that ended last. */
export interface Report {
  readonly type: "report";
  readonly match: string;
  readonly reason: "harassment" | "minor" | "nudity" | "other" | "spam";
  readonly text?: string;
  readonly n?: number;
}

/** ``received`` is the last ``seq`` held: the server may forget all up to it. */
export interface Ping {
  readonly type: "ping";
  readonly received?: number;
  readonly n?: number;
}

/**
 * Answer to ``hello``. ``received`` is the last ``n`` handled; with ``resumed`` the client sends
 * again what is later, else it starts anew at 1 and ``state`` messages tell where it is.
 */
export interface Welcome {
  readonly type: "welcome";
  readonly protocol: number;
  readonly seat: string;
  readonly resumed: boolean;
  readonly received: number;
  readonly user: Self;
  readonly limits: Limits;
  readonly stun: readonly string[];
  readonly legs: "always" | "never" | "strict";
  readonly seq: number;
}

export interface Self {
  readonly id: string;
  readonly name: string;
  readonly kind: "guest" | "registered";
  readonly role: "moderator" | "operator" | "user";
}

export interface Limits {
  readonly chat_chars: number;
  readonly message_bytes: number;
  readonly ping_seconds: number;
  readonly resume_seconds: number;
}

/** In no queue and no match. */
export interface Idle {
  readonly type: "idle";
  readonly seq: number;
}

export interface Queued {
  readonly type: "queued";
  readonly position: number;
  readonly waiting: number;
  readonly online: number;
  readonly estimate_seconds: number | null;
  readonly seq: number;
}

export interface Matched {
  readonly type: "matched";
  readonly match: string;
  readonly stranger: Stranger;
  readonly seq: number;
}

export interface Stranger {
  readonly name: string;
  readonly interests: readonly string[];
}

/** The relay's SDP offer; answer with ``leg_answer``. May come again for the same leg. */
export interface LegOffer {
  readonly type: "leg_offer";
  readonly leg: string;
  readonly sdp: string;
  readonly turn: Turn | null;
  readonly seq: number;
}

/** What ``RTCIceServer`` has; the credential is for a short time. */
export interface Turn {
  readonly urls: readonly string[];
  readonly username: string;
  readonly credential: string;
}

/** ``code`` and ``message`` say why, when ``state`` is ``closed`` or ``refused``. */
export interface LegState {
  readonly type: "leg_state";
  readonly leg: string;
  readonly state: "closed" | "connected" | "interrupted" | "refused";
  readonly transport: "tcp" | "udp" | null;
  readonly code: string | null;
  readonly message: string | null;
  readonly seq: number;
}

/**
 * ``trying → linked → connected ⇄ interrupted``, for each route of the match on its own. From
 * ``linked`` on the client sends its tracks over ``leg``, until ``unlinked`` or the match's end. A direct
 * attempt starts with ``trying``, which tells the ``role``, and is over with ``unlinked``.
 */
export interface Route {
  readonly type: "route";
  readonly match: string;
  readonly attempt: number;
  readonly state: "connected" | "interrupted" | "linked" | "trying" | "unlinked";
  readonly route: "direct" | "relay";
  readonly leg: string | null;
  readonly reason: string | null;
  readonly message: string | null;
  readonly role: "impolite" | "polite" | null;
  readonly seq: number;
}

/** Of the stranger's end of the direct attempt. */
export interface Description {
  readonly type: "description";
  readonly match: string;
  readonly attempt: number;
  readonly kind: "answer" | "offer";
  readonly sdp: string;
  readonly seq: number;
}

/** Of the stranger's end of the direct attempt. */
export interface Candidate {
  readonly type: "candidate";
  readonly match: string;
  readonly attempt: number;
  readonly candidate: string;
  readonly mid: string | null;
  readonly line: number | null;
  readonly ufrag: string | null;
  readonly seq: number;
}

/** The match is over; an ``idle`` or ``queued`` follows. */
export interface Ended {
  readonly type: "ended";
  readonly match: string;
  readonly reason: "blocked" | "dtls_failed" | "ended_by_operator" | "ice_failed" | "left" | "lost" | "media_lost" | "next" | "no_answer" | "no_shared_codec" | "relay_full" | "relay_stopping" | "replaced" | "service_stopping";
  readonly by: "service" | "stranger" | "you";
  readonly message: string;
  readonly step: "dtls" | "ice_tcp" | "ice_tls" | "ice_udp" | "limit" | "media_silent" | "signaling" | null;
  readonly seq: number;
}

export interface Chat {
  readonly type: "chat";
  readonly match: string;
  readonly id: string;
  readonly text: string;
  readonly at_ms: number;
  readonly seq: number;
}

export interface ChatAccepted {
  readonly type: "chat_accepted";
  readonly id: string;
  readonly at_ms: number;
  readonly seq: number;
}

export interface ChatDelivered {
  readonly type: "chat_delivered";
  readonly id: string;
  readonly seq: number;
}

export interface Typing {
  readonly type: "typing";
  readonly match: string;
  readonly active: boolean;
  readonly seq: number;
}

/** What the stranger shows: at the match's start, on a change, never when their client does not say. */
export interface StrangerMedia {
  readonly type: "stranger_media";
  readonly match: string;
  readonly camera: boolean;
  readonly microphone: boolean;
  readonly seq: number;
}

export interface Blocked {
  readonly type: "blocked";
  readonly match: string;
  readonly seq: number;
}

export interface Reported {
  readonly type: "reported";
  readonly match: string;
  readonly seq: number;
}

/** ``received`` is the last ``n`` handled. Not numbered: ``seq`` is 0. */
export interface Pong {
  readonly type: "pong";
  readonly received: number;
  readonly seq: number;
}

/** An unknown, illegal or refused message. ``about`` is its type and ``n`` its number. */
export interface Error {
  readonly type: "error";
  readonly code: string;
  readonly message: string;
  readonly about: string | null;
  readonly n: number;
  readonly seq: number;
}

/** The seat was taken over by another socket of the same account; this one closes (4001). */
export interface Replaced {
  readonly type: "replaced";
  readonly seq: number;
}

/** The service stops; the socket closes (1012). */
export interface Closing {
  readonly type: "closing";
  readonly message: string;
  readonly retry_after_seconds: number;
  readonly seq: number;
}

export type ClientMessage =
  | Hello
  | Network
  | OpenLeg
  | LegAnswer
  | SendDescription
  | SendCandidate
  | DirectState
  | MediaFlowing
  | Quality
  | Join
  | Next
  | Leave
  | SendChat
  | ChatReceived
  | SendTyping
  | Media
  | Block
  | Report
  | Ping;

export type ServerMessage =
  | Welcome
  | Idle
  | Queued
  | Matched
  | LegOffer
  | LegState
  | Route
  | Description
  | Candidate
  | Ended
  | Chat
  | ChatAccepted
  | ChatDelivered
  | Typing
  | StrangerMedia
  | Blocked
  | Reported
  | Pong
  | Error
  | Replaced
  | Closing;

export const SERVER_MESSAGE_TYPES: ReadonlySet<string> = new Set<ServerMessage["type"]>([
  "welcome", "idle", "queued", "matched", "leg_offer", "leg_state", "route", "description", "candidate", "ended", "chat", "chat_accepted", "chat_delivered", "typing", "stranger_media", "blocked", "reported", "pong", "error", "replaced", "closing",
]);
