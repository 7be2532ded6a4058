//! What is counted of a leg, as read on a tick.

use crate::Nanos;
use crate::drops::Drops;
use crate::plan::Kind;

/// One stream (media and its RTX together) in one direction since the leg was opened.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamCounters {
    /// Audio or video.
    pub kind: Kind,
    /// Media packets.
    pub packets: u64,
    /// Octets of media and RTX packets, without SRTP's tag and what is below RTP.
    pub bytes: u64,
    /// RFC 3550 appendix A.3.
    pub lost: u64,
    /// RFC 3550 appendix A.8.
    pub jitter_ms: f64,
    /// RTX packets.
    pub retransmissions: u64,
    /// PLI and FIR.
    pub keyframe_requests: u64,
    /// When the last media packet came or went.
    pub last_packet_at: Option<Nanos>,
}

/// Forwarded over one link from one leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkTotals {
    /// Media and RTX packets.
    pub packets: u64,
    /// Their octets.
    pub bytes: u64,
    /// Media packets lost on the way in.
    pub lost: u64,
}

/// Everything countable about a leg.
#[derive(Clone, Debug)]
pub struct LegCounters {
    /// A stream for each track.
    pub ingress: Vec<StreamCounters>,
    /// A stream for each track.
    pub egress: Vec<StreamCounters>,
    /// Of the current link, or the last.
    pub link: LinkTotals,
    /// By reason.
    pub drops: Drops,
}

/// What one worker saw, and what belongs to no leg.
#[derive(Clone, Debug, Default)]
pub struct NodeCounters {
    /// Datagrams received.
    pub packets_in: u64,
    /// Datagrams sent.
    pub packets_out: u64,
    /// Their octets.
    pub bytes_in: u64,
    /// Their octets.
    pub bytes_out: u64,
    /// Drops that belong to no leg.
    pub drops: Drops,
}

impl NodeCounters {
    /// Adds what another counted.
    pub fn add(&mut self, other: &Self) {
        self.packets_in += other.packets_in;
        self.packets_out += other.packets_out;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.drops.add(&other.drops);
    }
}
