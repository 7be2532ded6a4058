//! What a leg keeps of what is sent to it: SRTP, the constant streams, the path, and the direction of
//! the link that feeds it.

use std::sync::Arc;

use crate::Nanos;
use crate::drops::Drops;
use crate::forward::Direction;
use crate::plan::{Kind, LegPlan};
use crate::remote::Remote;
use crate::srtp::{RtpWindow, Sender, guess_index};

/// One constant SSRC towards a leg's browser. It lives as long as the leg, so its sequence and
/// timestamps go on over every link.
pub struct EgressStream {
    /// Constant.
    pub ssrc: u32,
    /// Indices sent so far; `None` before the first.
    sent: Option<RtpWindow>,
    /// Timestamp of the highest sequence number.
    pub timestamp: u32,
    /// When the highest sequence number was sent.
    pub sent_at: Nanos,
    /// Packets sent.
    pub packets: u64,
    /// Their octets, without SRTP's tag.
    pub octets: u64,
    /// By the leg's browser.
    pub keyframe_requests: u64,
}

impl EgressStream {
    fn new(ssrc: u32) -> Self {
        Self { ssrc, sent: None, timestamp: 0, sent_at: 0, packets: 0, octets: 0, keyframe_requests: 0 }
    }

    /// The highest sequence number sent.
    #[must_use]
    pub fn highest(&self) -> Option<u16> {
        self.sent.as_ref().map(|sent| sent.highest() as u16)
    }

    /// Gives a sequence number its index (rollover counter and number), once: `None` when it has been
    /// given already, or is too old to tell. SRTP must never seal two packets with one index.
    pub fn assign(&mut self, sequence: u16) -> Option<u64> {
        let Some(sent) = &mut self.sent else {
            self.sent = Some(RtpWindow::starting_at(u64::from(sequence)));
            return Some(u64::from(sequence));
        };
        let index = guess_index(sent.highest(), sequence);
        if !sent.is_new(index) {
            return None;
        }
        sent.record(index);
        Some(index)
    }
}

/// The streams of one track.
pub struct EgressTrack {
    /// What the track carries.
    pub kind: Kind,
    mid: Box<[u8]>,
    /// The packets themselves.
    pub media: EgressStream,
    /// Their retransmissions.
    pub rtx: Option<EgressStream>,
}

impl EgressTrack {
    /// The media stream, or that of the retransmissions.
    ///
    /// # Panics
    /// When there are no retransmissions: a [`Direction`] has no flow onto a stream that is not there.
    pub fn stream(&mut self, rtx: bool) -> &mut EgressStream {
        if rtx { self.rtx.as_mut().expect("a flow of RTX has a stream") } else { &mut self.media }
    }
}

/// The sending half of a leg; one lock. Of two legs', the one of the leg with the lower serial number
/// is taken first; an ingress lock is taken before both.
#[repr(C)] // hot before cold: crate::ahead
pub struct Egress {
    /// The selected address.
    pub path: Option<Remote>,
    /// From the linked leg to this one.
    pub direction: Option<Direction>,
    /// In the plan's order.
    pub tracks: Vec<EgressTrack>,
    /// Highest transport-wide sequence number sent.
    pub transport_cc_highest: Option<u16>,
    /// `None` before the keys.
    pub srtp: Option<Sender>,
    /// Tracks of earlier plans that this one leaves out: an SSRC that comes back must go on (RFC 3711
    /// section 9.1).
    absent: Vec<EgressTrack>,
    /// `None` before the answer.
    pub plan: Option<Arc<LegPlan>>,
    /// Command sequence number of the last FIR (RFC 5104 section 4.3.1.1).
    pub fir_number: u8,
    /// Of what could not be sent to this leg.
    pub drops: Drops,
}

impl Egress {
    /// Of a leg just opened.
    #[must_use]
    pub fn new() -> Self {
        Self {
            srtp: None,
            path: None,
            tracks: Vec::new(),
            absent: Vec::new(),
            plan: None,
            direction: None,
            transport_cc_highest: None,
            fir_number: 0,
            drops: Drops::default(),
        }
    }

    /// Takes a plan. One that replaces another keeps each track's numbers and counters.
    pub fn set_plan(&mut self, plan: &Arc<LegPlan>) {
        let mut before = std::mem::take(&mut self.tracks);
        before.append(&mut self.absent);
        for plan in &plan.tracks {
            let known = before.iter().position(|track| track.mid == plan.mid);
            let mut track = known.map_or_else(
                || EgressTrack {
                    kind: plan.kind,
                    mid: plan.mid.clone(),
                    media: EgressStream::new(plan.egress_ssrc),
                    rtx: None,
                },
                |at| before.swap_remove(at),
            );
            if track.rtx.is_none() {
                track.rtx = plan.egress_rtx_ssrc.map(EgressStream::new);
            }
            self.tracks.push(track);
        }
        self.absent = before;
        self.plan = Some(Arc::clone(plan));
    }

    /// Whether this SSRC carries video to the leg, or repairs it.
    #[must_use]
    pub fn is_video(&self, ssrc: u32) -> bool {
        self.tracks.iter().any(|track| {
            let rtx = track.rtx.as_ref().map(|rtx| rtx.ssrc);
            track.kind == Kind::Video && (track.media.ssrc == ssrc || rtx == Some(ssrc))
        })
    }

    /// The SSRC under which the leg's browser hears feedback that no stream of the other's stands for.
    #[must_use]
    pub fn first_ssrc(&self) -> u32 {
        self.tracks.first().map_or(0, |track| track.media.ssrc)
    }
}

impl Default for Egress {
    fn default() -> Self {
        Self::new()
    }
}
