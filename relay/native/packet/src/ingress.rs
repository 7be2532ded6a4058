//! What a leg keeps of what it sends: SRTP, the streams, and where they are linked to.

use std::sync::Arc;

use crate::Nanos;
use crate::bucket::TokenBucket;
use crate::drops::Drops;
use crate::leg::Leg;
use crate::plan::{Kind, LegPlan, TrackPlan};
use crate::srtp::Receiver;
use crate::stats::LinkTotals;

/// One kind of packet (media, or its RTX) of one track as it comes in, counted since the leg was
/// opened. What a running link counts of it is in its [`crate::forward::Flow`].
#[derive(Clone, Default)]
pub struct IngressStream {
    /// By the answer.
    pub declared: Option<u32>,
    /// The current one, `None` until one is adopted.
    pub ssrc: Option<u32>,
    /// Packets forwarded.
    pub packets: u64,
    /// Their octets.
    pub octets: u64,
    /// Lost over links that ended.
    pub lost: u64,
    /// RFC 3550 appendix A.8, in seconds.
    pub jitter: f64,
    /// Asked of the leg over links that ended.
    pub keyframe_requests: u64,
    /// When the last packet came.
    pub last_at: Option<Nanos>,
}

impl IngressStream {
    fn new(declared: Option<u32>) -> Self {
        Self { declared, ssrc: declared, ..Self::default() }
    }
}

/// The two streams of a track.
pub struct IngressTrack {
    /// What the track carries.
    pub kind: Kind,
    /// Its MID.
    pub mid: Box<[u8]>,
    /// The packets themselves, and their retransmissions.
    pub streams: [IngressStream; 2],
}

/// The receiving half of a leg; one lock.
#[repr(C)] // hot before cold: crate::ahead
pub struct Ingress {
    /// The other leg of the link.
    pub peer: Option<Arc<Leg>>,
    /// Octets by which SRTP makes a packet longer on its way out to the peer.
    pub peer_overhead: usize,
    /// Octets that may come.
    pub bucket: TokenBucket,
    /// In the plan's order.
    pub tracks: Vec<IngressTrack>,
    /// `None` before the keys.
    pub srtp: Option<Receiver>,
    /// Tracks of earlier plans that this one leaves out.
    absent: Vec<IngressTrack>,
    /// `None` before the answer.
    pub plan: Option<Arc<LegPlan>>,
    /// Of the link that ended last.
    pub last_link: LinkTotals,
    /// Of everything that came from this leg.
    pub drops: Drops,
}

impl Ingress {
    /// Of a leg just opened.
    #[must_use]
    pub fn new(bucket: TokenBucket) -> Self {
        Self {
            srtp: None,
            bucket,
            absent: Vec::new(),
            plan: None,
            tracks: Vec::new(),
            peer: None,
            peer_overhead: 0,
            last_link: LinkTotals::default(),
            drops: Drops::default(),
        }
    }

    /// Takes a plan. One that replaces another keeps each track's numbers and counters.
    pub fn set_plan(&mut self, plan: &Arc<LegPlan>) {
        let mut before = std::mem::take(&mut self.tracks);
        before.append(&mut self.absent);
        let track = |plan: &TrackPlan| {
            let declared = [plan.ingress_ssrc, plan.ingress_rtx_ssrc];
            let known = before.iter().position(|track| track.mid == plan.mid);
            let mut track = known.map_or_else(
                || IngressTrack {
                    kind: plan.kind,
                    mid: plan.mid.clone(),
                    streams: declared.map(IngressStream::new),
                },
                |at| before.swap_remove(at),
            );
            for (stream, declared) in track.streams.iter_mut().zip(declared) {
                stream.declared = declared;
            }
            track
        };
        self.tracks = plan.tracks.iter().map(track).collect();
        self.absent = before;
        self.plan = Some(Arc::clone(plan));
    }

    /// Whether `ssrc` was declared for another stream than this one of the leg.
    #[must_use]
    pub fn declared_elsewhere(&self, ssrc: u32, at: usize, rtx: bool) -> bool {
        self.tracks.iter().enumerate().any(|(track, streams)| {
            streams
                .streams
                .iter()
                .zip([false, true])
                .any(|(stream, is_rtx)| stream.declared == Some(ssrc) && (track, is_rtx) != (at, rtx))
        })
    }
}
