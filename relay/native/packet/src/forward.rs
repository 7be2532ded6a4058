//! One direction of a link: which stream a packet belongs to, and how its numbers change on the way
//! (sections 5 and 6).

use crate::ahead::Span;
use crate::drops::Drop;
use crate::egress::{Egress, EgressStream};
use crate::ingress::{Ingress, IngressTrack};
use crate::plan::{Kind, LegPlan, TrackPlan};
use crate::rtp::{self, RtpHeader};
use crate::stats::LinkTotals;
use crate::{Nanos, SECOND};

/// Sequence numbers after which nothing older than the link's first packet can still be told from a
/// wrapped newer one, nor can it still come (the replay window is 1,024).
const SETTLED: u16 = 0x4000;
/// A jump of transit time that is a new timestamp base and no jitter, in seconds.
const NO_JITTER_SECONDS: f64 = 10.0;

/// No flow takes this payload type.
const UNKNOWN: u8 = 0xff;
/// The other leg does not take it.
const UNSHARED: u8 = 0xfe;

/// One ingress stream over one link: the offsets that map it onto its egress stream.
pub struct Flow {
    /// What its track carries.
    pub kind: Kind,
    /// The track's place in the source's plan.
    pub from: usize,
    /// The track's place in the target's plan.
    pub to: usize,
    /// For RTX: the flow that it repairs.
    pub media: Option<usize>,
    /// The stream's current SSRC.
    pub ssrc: Option<u32>,
    /// The constant one that it becomes.
    pub egress_ssrc: u32,
    /// Whether the link's first packet has come and the offsets are chosen.
    pub started: bool,
    /// Added to sequence numbers.
    pub offset: u16,
    /// Added to timestamps.
    pub timestamp_offset: u32,
    /// Asked of the source over this link.
    pub keyframe_requests: u64,
    /// Egress number of the link's first packet, while older ones can still come.
    begin: Option<u16>,
    received: u64,
    /// By how much the highest number grew since the first packet: expected is one more.
    advanced: u64,
    transit: Option<f64>,
    lost_before: u64,
}

impl Flow {
    fn new(
        kind: Kind,
        [from, to]: [usize; 2],
        media: Option<usize>,
        ssrc: Option<u32>,
        egress_ssrc: u32,
    ) -> Self {
        Self {
            kind,
            from,
            to,
            media,
            ssrc,
            egress_ssrc,
            started: false,
            offset: 0,
            timestamp_offset: 0,
            keyframe_requests: 0,
            begin: None,
            received: 0,
            advanced: 0,
            transit: None,
            lost_before: 0,
        }
    }

    /// Whether it carries retransmissions.
    #[must_use]
    pub fn is_rtx(&self) -> bool {
        self.media.is_some()
    }

    /// Packets expected and not received over this link (RFC 3550 appendix A.3).
    #[must_use]
    pub fn lost(&self) -> u64 {
        if !self.started {
            return self.lost_before;
        }
        self.lost_before + (self.advanced + 1).saturating_sub(self.received)
    }

    /// Chooses the offsets at the link's first packet, so that the egress stream has no gap.
    fn start(&mut self, header: &RtpHeader, clock_rate: u32, egress: &EgressStream, now: Nanos) {
        self.started = true;
        self.transit = None;
        let Some(highest) = egress.highest() else {
            self.offset = 0;
            self.begin = Some(header.sequence);
            self.timestamp_offset = 0;
            return;
        };
        let begin = highest.wrapping_add(1);
        self.begin = Some(begin);
        self.offset = begin.wrapping_sub(header.sequence);
        let elapsed =
            u128::from(now.saturating_sub(egress.sent_at)) * u128::from(clock_rate) / u128::from(SECOND);
        self.timestamp_offset =
            egress.timestamp.wrapping_add((elapsed as u32).max(1)).wrapping_sub(header.timestamp);
    }

    /// Forgets the offsets: the sender's SSRC changed, and the next packet chooses new ones.
    fn restart(&mut self, ssrc: u32) {
        self.lost_before = self.lost();
        self.ssrc = Some(ssrc);
        self.started = false;
        self.received = 0;
        self.advanced = 0;
    }

    /// Whether a mapped sequence number lies before the link's first packet.
    fn began_after(&self, mapped: u16) -> bool {
        self.begin.is_some_and(|begin| mapped.wrapping_sub(begin) >= 0x8000)
    }
}

/// From one leg to the other, for the life of one link. It is kept at the target, whose egress lock
/// covers it.
pub struct Direction {
    /// Media flows and, behind each, that of its RTX.
    pub flows: Vec<Flow>,
    /// Added to transport-wide sequence numbers; `None` before the first.
    pub transport_cc_offset: Option<u16>,
    /// The link's own keyframe request could not be sent yet, for want of an SSRC to name.
    pub want_keyframe: bool,
    /// Packets and octets forwarded. Losses are the flows' until the link ends.
    pub packets: u64,
    /// See above.
    pub octets: u64,
    lost_before: u64,
    asked_at: Option<Nanos>,
    forwarded_audio: bool,
    forwarded_video: bool,
    /// Place in `routes` by payload type, or [`UNKNOWN`] or [`UNSHARED`].
    by_payload_type: [u8; 128],
    routes: Vec<Route>,
    mid_extension: u8,
    transport_cc_extension: u8,
}

#[derive(Clone, Copy)]
struct Route {
    flow: u8,
    clock_rate: u32,
}

/// A packet that goes on, with its new numbers in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// The constant one.
    pub ssrc: u32,
    /// Rollover counter and sequence number.
    pub index: u64,
    /// What it carries.
    pub kind: Kind,
}

impl Direction {
    /// Flows for every track that both legs have, with the payload types that both accept.
    #[must_use]
    pub fn between(source: &Ingress, from: &LegPlan, to: &LegPlan) -> Self {
        let mut direction = Self {
            flows: Vec::new(),
            transport_cc_offset: None,
            want_keyframe: false,
            packets: 0,
            octets: 0,
            lost_before: 0,
            asked_at: None,
            forwarded_audio: false,
            forwarded_video: false,
            by_payload_type: [UNKNOWN; 128],
            routes: Vec::new(),
            mid_extension: from.mid_extension,
            transport_cc_extension: from.transport_cc_extension,
        };
        for track in &from.tracks {
            let rtx = track.rtx.iter().map(|&(payload_type, _)| payload_type);
            for payload_type in track.clock_rates.iter().map(|&(payload_type, _)| payload_type).chain(rtx) {
                direction.by_payload_type[usize::from(payload_type & 0x7f)] = UNSHARED;
            }
        }
        for (at, (plan, track)) in from.tracks.iter().zip(&source.tracks).enumerate() {
            let Some(other) = to.tracks.iter().position(|other| other.kind == plan.kind) else {
                continue;
            };
            direction.add_track(plan, track, at, &to.tracks[other], other);
        }
        direction
    }

    fn add_track(
        &mut self,
        plan: &TrackPlan,
        track: &IngressTrack,
        from: usize,
        other: &TrackPlan,
        to: usize,
    ) {
        let media = self.flows.len();
        let rate_of = |payload_type: u8| {
            let accepted = other.clock_rates.iter().any(|&(other, _)| other == payload_type);
            let rate = plan.clock_rates.iter().find(|&&(own, _)| own == payload_type);
            rate.filter(|_| accepted).map(|&(_, rate)| rate)
        };
        let [media_ssrc, rtx_ssrc] = [0, 1].map(|stream: usize| track.streams[stream].ssrc);
        self.flows.push(Flow::new(plan.kind, [from, to], None, media_ssrc, other.egress_ssrc));
        for &(payload_type, _) in &plan.clock_rates {
            if let Some(rate) = rate_of(payload_type) {
                self.add_route(payload_type, media, rate);
            }
        }
        let Some(egress_rtx_ssrc) = other.egress_rtx_ssrc else { return };
        let rtx = self.flows.len();
        self.flows.push(Flow::new(plan.kind, [from, to], Some(media), rtx_ssrc, egress_rtx_ssrc));
        for repair in plan.rtx.iter().filter(|repair| other.rtx.contains(repair)) {
            if let Some(rate) = rate_of(repair.1) {
                self.add_route(repair.0, rtx, rate);
            }
        }
    }

    fn add_route(&mut self, payload_type: u8, flow: usize, clock_rate: u32) {
        self.by_payload_type[usize::from(payload_type & 0x7f)] = self.routes.len() as u8;
        self.routes.push(Route { flow: flow as u8, clock_rate });
    }

    /// Where its flows and routes lie.
    pub(crate) fn spans(&self) -> [Span; 2] {
        [Span::of(&self.flows, 1), Span::of(&self.routes, 4)]
    }

    /// The flow whose current SSRC this is.
    #[must_use]
    pub fn flow_of(&self, ssrc: u32) -> Option<&Flow> {
        self.flows.iter().find(|flow| flow.ssrc == Some(ssrc))
    }

    /// The media flow that a flow is, or that it repairs.
    #[must_use]
    pub fn media_of<'a>(&'a self, flow: &'a Flow) -> &'a Flow {
        flow.media.map_or(flow, |media| &self.flows[media])
    }

    /// Media packets lost on the way in over this link; RTX apart.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let media = self.flows.iter().filter(|flow| !flow.is_rtx());
        self.lost_before + media.map(Flow::lost).sum::<u64>()
    }

    /// What was forwarded so far.
    #[must_use]
    pub fn totals(&self) -> LinkTotals {
        LinkTotals { packets: self.packets, bytes: self.octets, lost: self.lost() }
    }

    /// Folds a finished link's counts into those of the source.
    pub fn finish(&self, source: &mut Ingress) {
        for flow in &self.flows {
            if let Some(track) = source.tracks.get_mut(flow.from) {
                let stream = &mut track.streams[usize::from(flow.is_rtx())];
                stream.lost += flow.lost();
                stream.keyframe_requests += flow.keyframe_requests;
            }
        }
        source.last_link = self.totals();
    }

    /// Goes on with the counts of the direction that this one replaces in mid-link.
    pub fn carry_on(&mut self, before: &Self) {
        self.packets = before.packets;
        self.octets = before.octets;
        self.lost_before = before.lost();
        self.forwarded_audio = before.forwarded_audio;
        self.forwarded_video = before.forwarded_video;
        self.asked_at = before.asked_at;
        self.want_keyframe = before.want_keyframe;
    }

    /// Whether a keyframe may be asked of the source now; if so it counts for the throttle.
    pub fn may_ask_keyframe(&mut self, interval: Nanos, now: Nanos) -> bool {
        if self.asked_at.is_some_and(|at| now.saturating_sub(at) < interval) {
            return false;
        }
        self.asked_at = Some(now);
        true
    }

    /// The flow of a packet and its clock rate (section 5; RFC 9143 section 9.2).
    fn classify(
        &mut self,
        source: &mut Ingress,
        header: &RtpHeader,
        mid: Option<&[u8]>,
    ) -> Result<(usize, u32), Drop> {
        let route = match self.by_payload_type[usize::from(header.payload_type)] {
            UNKNOWN => return Err(Drop::UnknownPayloadType),
            UNSHARED => return Err(Drop::UnsharedPayloadType),
            route => self.routes[usize::from(route)],
        };
        let at = usize::from(route.flow);
        let flow = &mut self.flows[at];
        let track = &mut source.tracks[flow.from];
        if mid.is_some_and(|mid| *mid != *track.mid) {
            return Err(Drop::MidMismatch);
        }
        if flow.ssrc == Some(header.ssrc) {
            return Ok((at, route.clock_rate));
        }
        let (from, rtx) = (flow.from, flow.is_rtx());
        let declared = track.streams[usize::from(rtx)].declared;
        if self.flow_of(header.ssrc).is_some()
            || source.declared_elsewhere(header.ssrc, from, rtx)
            || !(declared == Some(header.ssrc) || mid.is_some() || declared.is_none())
        {
            return Err(Drop::UnknownSsrc);
        }
        source.tracks[from].streams[usize::from(rtx)].ssrc = Some(header.ssrc);
        self.flows[at].restart(header.ssrc);
        Ok((at, route.clock_rate))
    }

    /// Notes that a packet of this kind left; gives the kind when it was the first over this link.
    pub fn mark_first(&mut self, kind: Kind) -> Option<Kind> {
        let forwarded = match kind {
            Kind::Audio => &mut self.forwarded_audio,
            Kind::Video => &mut self.forwarded_video,
        };
        (!std::mem::replace(forwarded, true)).then_some(kind)
    }
}

/// Rewrites the packet of an ingress leg in place for the leg of `egress`, which is linked to it.
///
/// # Errors
/// Why it is not forwarded.
pub fn rewrite(
    source: &mut Ingress,
    egress: &mut Egress,
    packet: &mut [u8],
    header: &RtpHeader,
    now: Nanos,
) -> Result<Forwarded, Drop> {
    let Egress { direction: Some(direction), tracks, transport_cc_highest, .. } = egress else {
        return Err(Drop::Unlinked);
    };
    let payload_len = header.payload_len(packet).ok_or(Drop::SrtpMalformed)?;
    let found = header.extensions(packet, direction.mid_extension, direction.transport_cc_extension);
    let mid = found.mid.map(|(at, len)| &packet[at..at + len]);
    let (at, clock_rate) = direction.classify(source, header, mid)?;

    let media = direction.flows[at].media;
    if media.is_some_and(|media| !direction.flows[media].started) {
        return Err(Drop::BeforeLink);
    }
    let flow = &mut direction.flows[at];
    let stream = tracks[flow.to].stream(media.is_some());
    if !flow.started {
        flow.start(header, clock_rate, stream, now);
    }
    let sequence = header.sequence.wrapping_add(flow.offset);
    let timestamp_offset = direction.flows[media.unwrap_or(at)].timestamp_offset;
    let timestamp = header.timestamp.wrapping_add(timestamp_offset);
    let flow = &mut direction.flows[at];
    let ahead = stream.highest().map_or(1, |highest| sequence.wrapping_sub(highest));
    let newest = ahead > 0 && ahead < 0x8000;
    if !newest && flow.began_after(sequence) {
        return Err(Drop::BeforeLink);
    }
    let index = stream.assign(sequence).ok_or(Drop::BeforeLink)?;
    if newest {
        if flow.received > 0 {
            flow.advanced += u64::from(ahead);
        }
        stream.timestamp = timestamp;
        stream.sent_at = now;
        if flow.begin.is_some_and(|begin| sequence.wrapping_sub(begin) > SETTLED) {
            flow.begin = None;
        }
    }
    if let Some(media) = media
        && payload_len >= 2
    {
        // RFC 4588 section 4: the original sequence number stands before the payload.
        let original = u16::from_be_bytes([packet[header.len], packet[header.len + 1]])
            .wrapping_add(direction.flows[media].offset);
        if direction.flows[media].began_after(original) {
            return Err(Drop::BeforeLink);
        }
        packet[header.len..header.len + 2].copy_from_slice(&original.to_be_bytes());
    }
    if let Some(at) = found.transport_cc {
        let number = u16::from_be_bytes([packet[at], packet[at + 1]]);
        let offset = *direction.transport_cc_offset.get_or_insert_with(|| {
            transport_cc_highest.map_or(0, |highest| highest.wrapping_add(1).wrapping_sub(number))
        });
        let number = number.wrapping_add(offset);
        let ahead = transport_cc_highest.map_or(1, |highest| number.wrapping_sub(highest));
        if ahead > 0 && ahead < 0x8000 {
            *transport_cc_highest = Some(number);
        }
        packet[at..at + 2].copy_from_slice(&number.to_be_bytes());
    }
    rtp::rewrite(packet, sequence, timestamp, stream.ssrc);

    let flow = &mut direction.flows[at];
    count(flow, stream, source, packet.len(), header.timestamp, clock_rate, now);
    Ok(Forwarded { ssrc: stream.ssrc, index, kind: flow.kind })
}

/// Counts on both sides; jitter as RFC 3550 appendix A.8.
fn count(
    flow: &mut Flow,
    stream: &mut EgressStream,
    source: &mut Ingress,
    octets: usize,
    timestamp: u32,
    clock_rate: u32,
    now: Nanos,
) {
    flow.received += 1;
    stream.packets += 1;
    stream.octets += octets as u64;
    let ingress = &mut source.tracks[flow.from].streams[usize::from(flow.is_rtx())];
    ingress.packets += 1;
    ingress.octets += octets as u64;
    ingress.last_at = Some(now);
    let transit = now as f64 / SECOND as f64 - f64::from(timestamp) / f64::from(clock_rate);
    if let Some(before) = flow.transit {
        let difference = (transit - before).abs();
        if difference < NO_JITTER_SECONDS {
            ingress.jitter += (difference - ingress.jitter) / 16.0;
        }
    }
    flow.transit = Some(transit);
}
