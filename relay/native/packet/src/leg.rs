//! One user's media connection to the relay, and what the rest of the relay asks of it.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use parking_lot::{Mutex, MutexGuard};

use crate::Nanos;
use crate::bucket::TokenBucket;
use crate::drops::Drops;
use crate::egress::Egress;
use crate::forward::Direction;
use crate::ice::{LegPaths, PathRules};
use crate::ingress::Ingress;
use crate::plan::{BadPlan, Kind, LegPlan};
use crate::rtcp::picture_loss_indication;
use crate::srtp::{BadKeyLength, Profile, Receiver, Sender};
use crate::stats::{LegCounters, LinkTotals, StreamCounters};

/// Events of a leg that wait to be read.
#[derive(Default)]
pub struct Queued {
    /// DTLS datagrams.
    pub dtls: AtomicU32,
    /// Path changes.
    pub paths: AtomicU32,
}

/// A leg. It belongs to no worker: the three locks are what its packets share. A packet's worker holds
/// the sender's ingress lock and the receiver's egress lock, so both directions of a link run at once
/// on two workers without meeting; only RTCP takes a lock of the other direction.
///
/// Order: `paths`, then `ufrags`, then `ingress`, then `egress` of the lower serial before that of the
/// higher. A worker holds one ingress lock at most.
pub struct Leg {
    /// Names the leg in events; counted up and never used again.
    pub serial: u64,
    /// The relay's own ufrags that are good for it, oldest first: two at most, between a restart and the
    /// first nomination after it.
    pub ufrags: Mutex<Vec<Box<[u8]>>>,
    /// STUN's.
    pub paths: Mutex<LegPaths>,
    /// What it sends.
    pub ingress: Mutex<Ingress>,
    /// What is sent to it.
    pub egress: Mutex<Egress>,
    /// See [`crate::event::EventQueue`].
    pub queued: Queued,
}

/// The leg of this serial number cannot be linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotReady {
    /// It is linked already, or to be linked with itself.
    Linked(u64),
    /// It has no keys or no plan.
    Incomplete(u64),
}

/// Keyframe requests that are due at a link: for each leg, the packet to protect and send.
pub type LinkRequests = [Option<[u8; crate::rtcp::PLI_LEN]>; 2];

impl Leg {
    /// Opens a leg.
    #[must_use]
    pub fn new(serial: u64, ufrag: &[u8], rules: PathRules, burst_bytes: f64, now: Nanos) -> Self {
        Self {
            serial,
            ufrags: Mutex::new(vec![ufrag.into()]),
            paths: Mutex::new(LegPaths::new(rules, now)),
            ingress: Mutex::new(Ingress::new(TokenBucket::full(burst_bytes, now))),
            egress: Mutex::new(Egress::new()),
            queued: Queued::default(),
        }
    }

    /// Gives the keys: master key followed by master salt, by direction.
    ///
    /// # Errors
    /// [`BadKeyLength`]; nothing has changed then.
    pub fn set_keys(&self, profile: Profile, ingress: &[u8], egress: &[u8]) -> Result<(), BadKeyLength> {
        let receiver = Receiver::new(profile, ingress)?;
        let sender = Sender::new(profile, egress)?;
        self.ingress.lock().srtp = Some(receiver);
        self.egress.lock().srtp = Some(sender);
        Ok(())
    }

    /// Gives the tracks, or replaces them after another answer; a link goes on with new offsets.
    ///
    /// # Errors
    /// [`BadPlan`]; nothing has changed then.
    pub fn set_plan(self: &Arc<Self>, plan: LegPlan) -> Result<(), BadPlan> {
        plan.check()?;
        let plan = Arc::new(plan);
        let peer = self.ingress.lock().peer.clone();
        let Some(peer) = peer else {
            self.ingress.lock().set_plan(&plan);
            self.egress.lock().set_plan(&plan);
            return Ok(());
        };
        let (mut leg, mut peer) = lock_halves(self, &peer);
        let outward = end(&mut leg, &mut peer);
        let inward = end(&mut peer, &mut leg);
        leg.ingress.set_plan(&plan);
        leg.egress.set_plan(&plan);
        direct(&mut leg, &mut peer, outward.as_ref());
        direct(&mut peer, &mut leg, inward.as_ref());
        Ok(())
    }

    /// The counters of the leg.
    #[must_use]
    pub fn counters(&self) -> LegCounters {
        let ingress = self.ingress.lock();
        let (streams, link) = match &ingress.peer {
            Some(peer) => {
                let egress = peer.egress.lock();
                let direction = egress.direction.as_ref();
                (ingress_counters(&ingress, direction), direction.map(Direction::totals))
            }
            None => (ingress_counters(&ingress, None), None),
        };
        let link: LinkTotals = link.unwrap_or(ingress.last_link);
        let mut drops = ingress.drops.clone();
        drop(ingress);
        let egress = self.egress.lock();
        drops.add(&egress.drops);
        LegCounters { ingress: streams, egress: egress_counters(&egress), link, drops }
    }

    /// All drops, also of a leg that is no longer counted apart.
    #[must_use]
    pub fn drops(&self) -> Drops {
        let mut drops = self.ingress.lock().drops.clone();
        drops.add(&self.egress.lock().drops);
        drops
    }
}

fn ingress_counters(ingress: &Ingress, direction: Option<&Direction>) -> Vec<StreamCounters> {
    let tracks = ingress.tracks.iter().enumerate();
    let counters = tracks.map(|(at, track)| {
        let [media, rtx] = &track.streams;
        let flow = direction
            .and_then(|direction| direction.flows.iter().find(|flow| flow.from == at && !flow.is_rtx()));
        StreamCounters {
            kind: track.kind,
            packets: media.packets,
            bytes: media.octets + rtx.octets,
            lost: media.lost + flow.map_or(0, crate::forward::Flow::lost),
            jitter_ms: media.jitter * 1000.0,
            retransmissions: rtx.packets,
            keyframe_requests: media.keyframe_requests + flow.map_or(0, |flow| flow.keyframe_requests),
            last_packet_at: media.last_at,
        }
    });
    counters.collect()
}

fn egress_counters(egress: &Egress) -> Vec<StreamCounters> {
    let counters = egress.tracks.iter().map(|track| {
        let (media, rtx) = (&track.media, track.rtx.as_ref());
        StreamCounters {
            kind: track.kind,
            packets: media.packets,
            bytes: media.octets + rtx.map_or(0, |rtx| rtx.octets),
            lost: 0,
            jitter_ms: 0.0,
            retransmissions: rtx.map_or(0, |rtx| rtx.packets),
            keyframe_requests: media.keyframe_requests,
            last_packet_at: (media.packets > 0).then_some(media.sent_at),
        }
    });
    counters.collect()
}

/// Both halves of a leg, locked.
struct Halves<'a> {
    leg: &'a Arc<Leg>,
    ingress: MutexGuard<'a, Ingress>,
    egress: MutexGuard<'a, Egress>,
}

impl Halves<'_> {
    fn ready(&self) -> Result<(), NotReady> {
        if self.ingress.peer.is_some() {
            return Err(NotReady::Linked(self.leg.serial));
        }
        if self.ingress.srtp.is_none() || self.ingress.plan.is_none() {
            return Err(NotReady::Incomplete(self.leg.serial));
        }
        Ok(())
    }
}

/// Locks all of two different legs, for what must look to packets like one step. Only one thread at a
/// time asks anything of legs, so no other takes two ingress locks.
fn lock_halves<'a>(a: &'a Arc<Leg>, b: &'a Arc<Leg>) -> (Halves<'a>, Halves<'a>) {
    let ingress = (a.ingress.lock(), b.ingress.lock());
    let egress = lock_both(a, b);
    (
        Halves { leg: a, ingress: ingress.0, egress: egress.0 },
        Halves { leg: b, ingress: ingress.1, egress: egress.1 },
    )
}

/// Links two legs, both directions, with new offsets. Gives the keyframe request for each.
///
/// # Errors
/// [`NotReady`]; nothing has changed then.
pub fn link(
    a: &Arc<Leg>,
    b: &Arc<Leg>,
    keyframe_interval: Nanos,
    now: Nanos,
) -> Result<LinkRequests, NotReady> {
    if Arc::ptr_eq(a, b) {
        return Err(NotReady::Linked(a.serial));
    }
    let (mut a, mut b) = lock_halves(a, b);
    a.ready()?;
    b.ready()?;
    direct(&mut a, &mut b, None);
    direct(&mut b, &mut a, None);
    Ok([ask_keyframe(&a, &mut b, keyframe_interval, now), ask_keyframe(&b, &mut a, keyframe_interval, now)])
}

/// Ends a leg's link, both directions; no effect when it has none.
pub fn unlink(leg: &Arc<Leg>) {
    let peer = leg.ingress.lock().peer.clone();
    let Some(peer) = peer else { return };
    let (mut leg, mut peer) = lock_halves(leg, &peer);
    end(&mut leg, &mut peer);
    end(&mut peer, &mut leg);
}

/// Makes the direction from `leg` to `peer`, going on with the counts of one in the same link.
fn direct(leg: &mut Halves<'_>, peer: &mut Halves<'_>, before: Option<&Direction>) {
    let (Some(from), Some(to)) = (leg.ingress.plan.clone(), peer.egress.plan.clone()) else { return };
    let mut direction = Direction::between(&leg.ingress, &from, &to);
    if let Some(before) = before {
        direction.carry_on(before);
    }
    let sender = peer.egress.srtp.as_ref();
    leg.ingress.peer_overhead = sender.map_or(0, |sender| sender.profile().rtp_overhead());
    leg.ingress.peer = Some(Arc::clone(peer.leg));
    peer.egress.direction = Some(direction);
}

/// Ends the direction from `leg` to `peer`.
fn end(leg: &mut Halves<'_>, peer: &mut Halves<'_>) -> Option<Direction> {
    leg.ingress.peer = None;
    let direction = peer.egress.direction.take();
    if let Some(direction) = &direction {
        direction.finish(&mut leg.ingress);
    }
    direction
}

/// The link's own request for a keyframe of `leg`; when no SSRC is known yet it is made at the first
/// video packet.
fn ask_keyframe(
    leg: &Halves<'_>,
    peer: &mut Halves<'_>,
    interval: Nanos,
    now: Nanos,
) -> Option<[u8; crate::rtcp::PLI_LEN]> {
    let own = leg.egress.video_ssrc()?;
    peer.egress.direction.as_mut()?.ask_keyframe(own, interval, now)
}

impl Egress {
    /// The SSRC of the video that goes to this leg: what a keyframe request to it names as sender.
    #[must_use]
    pub fn video_ssrc(&self) -> Option<u32> {
        let video = self.tracks.iter().find(|track| track.kind == Kind::Video)?;
        Some(video.media.ssrc)
    }
}

impl Direction {
    /// A keyframe request to the source, from the relay itself.
    pub fn ask_keyframe(
        &mut self,
        sender: u32,
        interval: Nanos,
        now: Nanos,
    ) -> Option<[u8; crate::rtcp::PLI_LEN]> {
        let at = self.flows.iter().position(|flow| flow.kind == Kind::Video && !flow.is_rtx())?;
        let ssrc = self.flows[at].ssrc;
        self.want_keyframe = ssrc.is_none();
        let ssrc = ssrc?;
        if !self.may_ask_keyframe(interval, now) {
            return None;
        }
        self.flows[at].keyframe_requests += 1;
        Some(picture_loss_indication(sender, ssrc))
    }
}

/// Locks the sending halves of both legs of a link, in the order that [`Leg`] gives.
pub fn lock_both<'a>(a: &'a Leg, b: &'a Leg) -> (MutexGuard<'a, Egress>, MutexGuard<'a, Egress>) {
    if a.serial < b.serial {
        let a = a.egress.lock();
        (a, b.egress.lock())
    } else {
        let b = b.egress.lock();
        (a.egress.lock(), b)
    }
}
