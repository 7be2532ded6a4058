//! The journey of a datagram, in order: demultiplex, unprotect, look up the link, rewrite, protect.
//!
//! A worker owns a share of the node's sockets, and so all packets of the remote addresses that the
//! kernel hashes to it; its table of them is nobody else's.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::Nanos;
use crate::ahead::{Spans, Stage};
use crate::drops::Drop;
use crate::egress::Egress;
use crate::event::Event;
use crate::forward::rewrite;
use crate::ice::Path;
use crate::ingress::Ingress;
use crate::leg::{Leg, lock_both};
use crate::node::{Credentials, Node};
use crate::plan::Kind;
use crate::remote::Remote;
use crate::rtcp_rewrite;
use crate::rtp::RtpHeader;
use crate::srtp::Refusal;
use crate::stats::NodeCounters;
use crate::stun::{MAX_ANSWER_LEN, StunClass, StunMessage};

/// What becomes of a datagram itself; answers and RTCP are in [`Answers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing more.
    Done,
    /// Send the first octets of its buffer.
    Send {
        /// Where to.
        to: Remote,
        /// How many.
        len: usize,
    },
    /// Its buffer must have so many octets: call again with a larger one.
    NeedsRoom(usize),
}

/// Datagrams made by the relay: answers to STUN, RTCP. The buffer keeps its memory from batch to batch.
#[derive(Default)]
pub struct Answers {
    octets: Vec<u8>,
    datagrams: Vec<(Remote, usize, usize)>,
}

impl Answers {
    /// Each with where it goes.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Remote, &[u8])> {
        self.datagrams.iter().map(|&(to, start, end)| (to, &self.octets[start..end]))
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.octets.clear();
        self.datagrams.clear();
    }

    fn push(&mut self, to: Remote, datagram: &[u8]) {
        let start = self.octets.len();
        self.octets.extend_from_slice(datagram);
        self.datagrams.push((to, start, self.octets.len()));
    }

    /// Protects and queues RTCP that stands at the end of the buffer from `start` on.
    fn finish_rtcp(&mut self, egress: &mut Egress, start: usize) {
        let len = self.octets.len() - start;
        if len == 0 {
            return;
        }
        if len > MAX_PLAIN_LEN {
            self.octets.truncate(start);
            // Nothing can be sent to a leg without a path, however long it is.
            let sendable = egress.srtp.is_some() && egress.path.is_some();
            return egress.drops.count(if sendable { Drop::TooLong } else { Drop::NoPath });
        }
        let (Some(sender), Some(to)) = (&mut egress.srtp, egress.path) else {
            self.octets.truncate(start);
            return egress.drops.count(Drop::NoPath);
        };
        self.octets.resize(start + len + sender.profile().rtcp_overhead(), 0);
        sender.protect_rtcp(&mut self.octets[start..], len);
        self.datagrams.push((to, start, self.octets.len()));
    }

    /// Protects and queues one RTCP packet for a leg.
    pub fn push_rtcp(&mut self, egress: &mut Egress, packet: &[u8]) {
        let start = self.octets.len();
        self.octets.extend_from_slice(packet);
        self.finish_rtcp(egress, start);
    }
}

/// Longest packet before protection that is forwarded.
pub const MAX_PLAIN_LEN: usize = 1356;

/// One worker's part of the packet path.
pub struct Worker {
    node: Arc<Node>,
    table: HashMap<Remote, Arc<Path>, RandomState>,
    forgotten: u64,
    /// What it saw since it started.
    pub counters: NodeCounters,
}

impl Worker {
    /// Knows no address yet.
    #[must_use]
    pub fn new(node: Arc<Node>) -> Self {
        Self { node, table: HashMap::default(), forgotten: 0, counters: NodeCounters::default() }
    }

    /// Addresses in the table.
    #[must_use]
    pub fn addresses(&self) -> usize {
        self.table.len()
    }

    /// Takes one datagram: the first `len` octets of `buffer`, which is at least as long.
    pub fn handle(
        &mut self,
        now: Nanos,
        from: Remote,
        buffer: &mut [u8],
        len: usize,
        answers: &mut Answers,
    ) -> Outcome {
        // RFC 7983 section 7.
        let outcome = match buffer[..len] {
            [0..=3, ..] => {
                self.on_stun(now, from, &buffer[..len], answers);
                Ok(Outcome::Done)
            }
            [20..=63, ..] => self.on_dtls(from, &buffer[..len]),
            [128..=191, 192..=223, ..] => self.on_rtcp(now, from, &mut buffer[..len], answers),
            [128..=191, ..] => {
                let outcome = self.on_rtp(now, from, buffer, len, answers);
                if let Ok(outcome @ Outcome::NeedsRoom(_)) = outcome {
                    return outcome;
                }
                outcome
            }
            [] => Err(Drop::Empty),
            _ => Err(Drop::UnknownProtocol),
        };
        self.counters.packets_in += 1;
        self.counters.bytes_in += len as u64;
        outcome.unwrap_or_else(|reason| {
            self.count(from, reason);
            Outcome::Done
        })
    }

    /// Takes one datagram of a port that answers plain Binding requests and nothing else (section 10).
    pub fn handle_plain(&mut self, now: Nanos, from: Remote, datagram: &[u8], answers: &mut Answers) {
        self.counters.packets_in += 1;
        self.counters.bytes_in += datagram.len() as u64;
        let reason = match datagram {
            [] => Drop::Empty,
            [0..=3, ..] => match self.answer_plain(now, from, datagram, answers) {
                Ok(()) => return,
                Err(reason) => reason,
            },
            _ => Drop::UnknownProtocol,
        };
        self.counters.drops.count(reason);
    }

    fn answer_plain(
        &self,
        now: Nanos,
        from: Remote,
        datagram: &[u8],
        answers: &mut Answers,
    ) -> Result<(), Drop> {
        let message = StunMessage::parse(datagram).map_err(|_| Drop::StunMalformed)?;
        match message.class {
            StunClass::BindingRequest if message.username.is_none() => {
                self.answer_stranger(now, from, &message, answers)
            }
            // No leg is known at this port.
            StunClass::BindingRequest => Err(Drop::StunUnknownUfrag),
            StunClass::BindingIndication => Ok(()),
            StunClass::Other => Err(Drop::StunUnsupported),
        }
    }

    fn answer_stranger(
        &self,
        now: Nanos,
        from: Remote,
        message: &StunMessage<'_>,
        answers: &mut Answers,
    ) -> Result<(), Drop> {
        if !self.node.stun.lock().allow(from.prefix(), now) {
            return Err(Drop::StunRateLimited);
        }
        let mut out = [0; MAX_ANSWER_LEN];
        let len = message.success(from.address(), None, &mut out);
        answers.push(from, &out[..len]);
        Ok(())
    }

    /// Counts a drop at the leg whose address it is, else at the node.
    fn count(&mut self, from: Remote, reason: Drop) {
        match self.path(from) {
            Some(path) => path.leg.ingress.lock().drops.count(reason),
            None => self.counters.drops.count(reason),
        }
    }

    fn path(&self, from: Remote) -> Option<&Arc<Path>> {
        self.table.get(&from).filter(|path| path.is_alive())
    }

    /// Where the state lies that a packet from this address will need; see [`crate::ahead`].
    #[must_use]
    pub fn look_ahead(&self, from: Remote, stage: Stage) -> Spans {
        self.path(from).map(|path| path.leg.look_ahead(stage)).unwrap_or_default()
    }

    // --- RTP ------------------------------------------------------------------------------------

    fn on_rtp(
        &self,
        now: Nanos,
        from: Remote,
        buffer: &mut [u8],
        len: usize,
        answers: &mut Answers,
    ) -> Result<Outcome, Drop> {
        let leg = &self.path(from).ok_or(Drop::UnknownSource)?.leg;
        let mut ingress = leg.ingress.lock();
        let outcome = self.forward(now, leg, &mut ingress, buffer, len, answers);
        // Counted here, where the leg's lock is held already.
        outcome.or_else(|reason| {
            ingress.drops.count(reason);
            Ok(Outcome::Done)
        })
    }

    fn forward(
        &self,
        now: Nanos,
        leg: &Arc<Leg>,
        ingress: &mut Ingress,
        buffer: &mut [u8],
        len: usize,
        answers: &mut Answers,
    ) -> Result<Outcome, Drop> {
        let receiver = ingress.srtp.as_ref().ok_or(Drop::NoKeys)?;
        let needed = (len + ingress.peer_overhead).saturating_sub(receiver.profile().rtp_overhead());
        if ingress.peer.is_some() && needed > buffer.len() {
            return Ok(Outcome::NeedsRoom(needed));
        }
        self.within_bit_rate(ingress, len, now)?;
        let packet = &mut buffer[..len];
        let header = RtpHeader::parse(packet).ok_or(Drop::SrtpMalformed)?;
        let receiver = ingress.srtp.as_mut().ok_or(Drop::NoKeys)?;
        let (len, _) = receiver.unprotect_rtp(packet, &header).map_err(refused)?;
        let peer = ingress.peer.take().ok_or(Drop::Unlinked)?;
        let mut told = Told::default();
        let outcome = forward_to(now, ingress, &peer, buffer, len, &header, &mut told);
        let peer = ingress.peer.insert(peer);
        if told.want_keyframe {
            self.ask_keyframe(leg, peer, now, answers);
        }
        if let Some(kind) = told.first {
            self.node.events.push(peer, Event::FirstForwarded(kind));
        }
        outcome
    }

    /// The link's own keyframe request was still due.
    fn ask_keyframe(&self, leg: &Arc<Leg>, peer: &Arc<Leg>, now: Nanos, answers: &mut Answers) {
        let (mut own, mut other) = lock_both(leg, peer);
        let Some(sender) = own.video_ssrc() else { return };
        let Some(direction) = other.direction.as_mut().filter(|direction| direction.want_keyframe) else {
            return;
        };
        let interval = self.node.limits.keyframe_interval();
        if let Some(request) = direction.ask_keyframe(sender, interval, now) {
            answers.push_rtcp(&mut own, &request);
        }
    }

    fn within_bit_rate(&self, ingress: &mut Ingress, len: usize, now: Nanos) -> Result<(), Drop> {
        let limits = &self.node.limits;
        let (rate, burst) = (limits.leg_max_bps as f64 / 8.0, limits.leg_burst_bytes as f64);
        let within = ingress.bucket.take(len as f64, rate, burst, now);
        if within { Ok(()) } else { Err(Drop::BitRateExceeded) }
    }

    /// A packet from `from` could not be sent: the receiver sees and repairs an ordinary loss.
    pub fn on_send_failed(&mut self, from: Remote, len: usize) {
        let Some(path) = self.path(from) else { return self.counters.drops.count(Drop::SendFailed) };
        let mut ingress = path.leg.ingress.lock();
        ingress.drops.count(Drop::SendFailed);
        let Some(peer) = ingress.peer.clone() else { return };
        let mut egress = peer.egress.lock();
        let overhead = egress.srtp.as_ref().map_or(0, |sender| sender.profile().rtp_overhead());
        if let Some(direction) = &mut egress.direction {
            direction.packets = direction.packets.saturating_sub(1);
            direction.octets = direction.octets.saturating_sub((len - overhead) as u64);
        }
    }

    // --- RTCP -----------------------------------------------------------------------------------

    fn on_rtcp(
        &self,
        now: Nanos,
        from: Remote,
        packet: &mut [u8],
        answers: &mut Answers,
    ) -> Result<Outcome, Drop> {
        let leg = &self.path(from).ok_or(Drop::UnknownSource)?.leg;
        let mut ingress = leg.ingress.lock();
        let ingress = &mut *ingress;
        let mut unprotect = || {
            if ingress.srtp.is_none() {
                return Err(Drop::NoKeys);
            }
            self.within_bit_rate(ingress, packet.len(), now)?;
            let receiver = ingress.srtp.as_mut().ok_or(Drop::NoKeys)?;
            let len = receiver.unprotect_rtcp(packet).map_err(refused)?;
            let peer = ingress.peer.clone().ok_or(Drop::Unlinked)?;
            Ok((len, peer))
        };
        let (len, peer) = match unprotect() {
            Ok(unprotected) => unprotected,
            Err(reason) => {
                ingress.drops.count(reason);
                return Ok(Outcome::Done);
            }
        };
        let (mut this, mut other) = lock_both(leg, &peer);
        let start = answers.octets.len();
        rtcp_rewrite::map(
            &packet[..len],
            &mut other,
            &mut this,
            self.node.limits.keyframe_interval(),
            now,
            &mut ingress.drops,
            &mut answers.octets,
        );
        answers.finish_rtcp(&mut other, start);
        Ok(Outcome::Done)
    }

    // --- DTLS and STUN --------------------------------------------------------------------------

    fn on_dtls(&self, from: Remote, datagram: &[u8]) -> Result<Outcome, Drop> {
        let leg = &self.path(from).ok_or(Drop::UnknownSource)?.leg;
        leg.paths.lock().dtls_from = Some(from);
        if self.node.events.push(leg, Event::DtlsReceived(datagram.to_vec())) {
            Ok(Outcome::Done)
        } else {
            Err(Drop::DtlsQueueFull)
        }
    }

    fn on_stun(&mut self, now: Nanos, from: Remote, datagram: &[u8], answers: &mut Answers) {
        // The leg that a check names is the one it is counted at, wherever the check came from.
        match self.answer_stun(now, from, datagram, answers) {
            Ok(()) => {}
            Err(Refused::AtNode(reason)) => self.counters.drops.count(reason),
            Err(Refused::AtLeg(leg, reason)) => leg.ingress.lock().drops.count(reason),
        }
    }

    fn answer_stun(
        &mut self,
        now: Nanos,
        from: Remote,
        datagram: &[u8],
        answers: &mut Answers,
    ) -> Result<(), Refused> {
        let message = StunMessage::parse(datagram).map_err(|_| Refused::AtNode(Drop::StunMalformed))?;
        match message.class {
            StunClass::BindingRequest => {}
            StunClass::BindingIndication => return Ok(()),
            StunClass::Other => return Err(Refused::AtNode(Drop::StunUnsupported)),
        }
        let mut out = [0; MAX_ANSWER_LEN];
        if message.username.is_none() {
            return self.answer_stranger(now, from, &message, answers).map_err(Refused::AtNode);
        }
        let credentials = message.local_ufrag().and_then(|ufrag| self.node.credentials_of(ufrag));
        let credentials = credentials.ok_or(Refused::AtNode(Drop::StunUnknownUfrag))?;
        let Credentials { leg, password, generation } = &*credentials;
        if !message.has_integrity(password) {
            return Err(Refused::AtLeg(Arc::clone(leg), Drop::StunBadIntegrity));
        }
        if !message.fingerprint {
            return Err(Refused::AtLeg(Arc::clone(leg), Drop::StunMalformed));
        }
        if message.ice_controlled {
            let len = message.role_conflict(password, &mut out);
            answers.push(from, &out[..len]);
            return Ok(());
        }
        let len = message.success(from.address(), Some(password), &mut out);
        answers.push(from, &out[..len]);
        self.validate(now, from, leg, message.use_candidate.then_some(message.priority), *generation);
        Ok(())
    }

    /// A check of `leg`, authenticated by the credentials of this `generation`, came from `from`.
    fn validate(
        &mut self,
        now: Nanos,
        from: Remote,
        leg: &Arc<Leg>,
        nominated: Option<u32>,
        generation: u64,
    ) {
        let owner = self.path(from).map(|path| Arc::clone(&path.leg));
        if let Some(owner) = owner.filter(|owner| !Arc::ptr_eq(owner, leg)) {
            let mut paths = owner.paths.lock();
            let changes = paths.closed(from, now);
            owner.egress.lock().path = paths.selected();
            self.node.apply(&owner, changes);
        }
        let mut paths = leg.paths.lock();
        let (changes, new) = paths.checked(leg, from, nominated, generation, now);
        if let Some(path) = new {
            self.table.insert(from, path);
            self.node.note_forgotten();
        }
        self.node.apply(leg, changes);
    }

    /// The leg whose address this is.
    #[must_use]
    pub fn owner(&self, from: Remote) -> Option<&Arc<Leg>> {
        self.path(from).map(|path| &path.leg)
    }

    /// The connection of this address ended.
    pub fn on_gone(&mut self, now: Nanos, from: Remote) {
        let Some(path) = self.table.remove(&from).filter(|path| path.is_alive()) else { return };
        let mut paths = path.leg.paths.lock();
        let changes = paths.closed(from, now);
        path.leg.egress.lock().path = paths.selected();
        self.node.apply(&path.leg, changes);
    }

    /// Drops forgotten addresses from the table. Call it a few times a second.
    pub fn tick(&mut self) {
        let forgotten = self.node.forgotten();
        if forgotten != self.forgotten {
            self.forgotten = forgotten;
            self.table.retain(|_, path| path.is_alive());
        }
    }
}

/// What a packet had the worker do besides.
#[derive(Default)]
struct Told {
    /// It was the first of its kind that left over the link.
    first: Option<Kind>,
    /// The link has not asked for a keyframe yet.
    want_keyframe: bool,
}

/// Rewrites and protects for the peer.
fn forward_to(
    now: Nanos,
    ingress: &mut Ingress,
    peer: &Leg,
    buffer: &mut [u8],
    len: usize,
    header: &RtpHeader,
    told: &mut Told,
) -> Result<Outcome, Drop> {
    let mut egress = peer.egress.lock();
    let egress = &mut *egress;
    let forwarded = rewrite(ingress, egress, &mut buffer[..len], header, now)?;
    let Some(direction) = &mut egress.direction else { return Err(Drop::Unlinked) };
    told.want_keyframe = direction.want_keyframe;
    let (Some(sender), Some(to)) = (&egress.srtp, egress.path) else { return Err(Drop::NoPath) };
    if len > MAX_PLAIN_LEN {
        return Err(Drop::TooLong);
    }
    let sealed = sender.protect_rtp(buffer, header.len, len, forwarded.ssrc, forwarded.index);
    direction.packets += 1;
    direction.octets += len as u64;
    told.first = direction.mark_first(forwarded.kind);
    Ok(Outcome::Send { to, len: sealed })
}

enum Refused {
    AtNode(Drop),
    AtLeg(Arc<Leg>, Drop),
}

fn refused(refusal: Refusal) -> Drop {
    match refusal {
        Refusal::Malformed => Drop::SrtpMalformed,
        Refusal::BadAuth => Drop::SrtpBadAuth,
        Refusal::Replayed => Drop::SrtpReplayed,
        Refusal::TooManySources => Drop::UnknownSsrc,
    }
}
