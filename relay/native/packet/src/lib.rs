//! What happens to every datagram of a Burrow relay: the core of the native packet engine.
//!
//! No I/O, no clock and no unsafe code: datagrams and the time come in, datagrams and events go out.
//! The behaviour is that of `docs/packet-engine.md`, whose section numbers the comments name.
//! A packet's whole journey is in [`worker`]; what it passes on its way is in the modules it names.
//!
//! ```text
//! datagram ─ demux ─┬─ stun ─ ice ──────────────────────────────▶ answer
//!                   ├─ DTLS ────────────────────────────────────▶ event
//!                   └─ srtp::Receiver ─ ingress ─ rewrite ─ srtp::Sender ▶ the other leg
//! ```
#![forbid(unsafe_code)]

pub mod ahead;
pub mod bucket;
pub mod drops;
pub mod egress;
pub mod event;
pub mod forward;
pub mod framing;
pub mod ice;
pub mod ingress;
pub mod leg;
pub mod node;
pub mod plan;
pub mod remote;
pub mod rtcp;
pub mod rtcp_rewrite;
pub mod rtp;
pub mod send_queue;
pub mod srtp;
pub mod stats;
pub mod strangers;
pub mod stun;
pub mod worker;

/// A moment: nanoseconds of a monotonic clock. Time is an argument everywhere in this crate.
pub type Nanos = u64;

/// Nanoseconds in a millisecond.
pub const MILLISECOND: Nanos = 1_000_000;
/// Nanoseconds in a second.
pub const SECOND: Nanos = 1_000_000_000;
