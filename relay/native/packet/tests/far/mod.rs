//! A node with one worker, and far ends that speak to it, in virtual time.
#![allow(dead_code)] // each test file takes what it needs

use std::sync::Arc;

use burrow_packet::event::{Event, EventQueue};
use burrow_packet::leg::Leg;
use burrow_packet::node::{Limits, Node};
use burrow_packet::plan::{Kind, LegPlan, TrackPlan};
use burrow_packet::remote::Remote;
use burrow_packet::rtp::RtpHeader;
use burrow_packet::srtp::{Profile, Receiver, Sender};
use burrow_packet::stun::{IntegrityKey, connectivity_check};
use burrow_packet::worker::{Answers, Outcome, Worker};
use burrow_packet::{MILLISECOND, Nanos, SECOND};

pub const LIMITS: Limits = Limits {
    leg_max_bps: 8_000_000,
    leg_burst_bytes: 1_000_000,
    leg_max_paths: 3,
    interrupted_after_ms: 6_000,
    consent_ms: 30_000,
    path_stale_ms: 3_000,
    keyframe_interval_ms: 300,
    stun_per_second: 20,
};

pub struct Relay {
    pub node: Arc<Node>,
    pub worker: Worker,
    pub now: Nanos,
    pub answers: Answers,
}

/// One datagram that left.
pub type Sent = (Remote, Vec<u8>);

impl Relay {
    pub fn new(limits: Limits) -> Self {
        let node = Arc::new(Node::new(limits, EventQueue::new(Box::new(|| ()))));
        Self { worker: Worker::new(Arc::clone(&node)), node, now: SECOND, answers: Answers::default() }
    }

    pub fn pass(&mut self, milliseconds: u64) {
        self.now += milliseconds * MILLISECOND;
    }

    /// Lets time pass with the ticks that belong to it.
    pub fn pass_ticking(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds / 100 {
            self.pass(100);
            self.node.tick(self.now);
            self.worker.tick();
        }
    }

    /// Takes a datagram and gives what leaves.
    pub fn take(&mut self, from: Remote, datagram: &[u8]) -> Vec<Sent> {
        let mut buffer = [0; 2048];
        buffer[..datagram.len()].copy_from_slice(datagram);
        self.answers.clear();
        let mut sent = Vec::new();
        let outcome = self.worker.handle(self.now, from, &mut buffer, datagram.len(), &mut self.answers);
        if let Outcome::Send { to, len } = outcome {
            sent.push((to, buffer[..len].to_vec()));
        }
        sent.extend(self.answers.iter().map(|(to, datagram)| (to, datagram.to_vec())));
        sent
    }

    /// A check by a leg's ufrag and password, perhaps nominating its address with a priority.
    pub fn check(
        &mut self,
        (ufrag, password): (&str, &[u8]),
        from: Remote,
        nominated: Option<u32>,
    ) -> Vec<Sent> {
        let key = IntegrityKey::new(password);
        let username = format!("{ufrag}:far");
        let priority = nominated.unwrap_or(1);
        let check = connectivity_check(username.as_bytes(), &key, priority, nominated.is_some(), [7; 12]);
        self.take(from, &check)
    }

    pub fn events(&self) -> Vec<(u64, Event)> {
        self.node.events.take().into_iter().map(|(leg, event)| (leg.serial, event)).collect()
    }

    pub fn drops(&self) -> Vec<(&'static str, u64)> {
        self.worker.counters.drops.iter().map(|(reason, count)| (reason.label(), count)).collect()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.node.close_all();
    }
}

pub struct Far {
    pub leg: Arc<Leg>,
    pub number: u32,
    pub remote: Remote,
    pub sender: Sender,
    pub receiver: Receiver,
}

pub fn remote(last: u8, port: u16) -> Remote {
    Remote::new(0, ([192, 0, 2, last], port).into())
}

pub fn plan(number: u32) -> LegPlan {
    let track = |kind, mid: &[u8], media: u8, rate, at: u32, rtx: Option<u8>| TrackPlan {
        mid: mid.into(),
        kind,
        clock_rates: [(media, rate)].into(),
        rtx: rtx.map(|rtx| (rtx, media)).into_iter().collect(),
        ingress_ssrc: Some(number * 10 + at),
        ingress_rtx_ssrc: rtx.map(|_| number * 10 + at + 1),
        egress_ssrc: number * 10 + at + 5,
        egress_rtx_ssrc: rtx.map(|_| number * 10 + at + 6),
    };
    LegPlan {
        tracks: [
            track(Kind::Audio, b"0", 111, 48_000, 1, None),
            track(Kind::Video, b"1", 96, 90_000, 2, Some(97)),
        ]
        .into(),
        cname: (*b"cname").into(),
        mid_extension: 1,
        transport_cc_extension: 3,
    }
}

impl Far {
    /// A far end whose leg is open with keys and a plan, and has no address yet.
    pub fn open(relay: &Relay, number: u32, profile: Profile) -> Self {
        let leg = relay.node.open_leg(format!("leg{number}").as_bytes(), b"password", relay.now);
        let master = vec![number as u8; profile.key_len() + profile.salt_len()];
        leg.set_keys(profile, &master, &master).unwrap();
        leg.set_plan(plan(number)).unwrap();
        Self {
            leg,
            number,
            remote: remote(number as u8, 4000),
            sender: Sender::new(profile, &master).unwrap(),
            receiver: Receiver::new(profile, &master).unwrap(),
        }
    }

    pub fn connected(relay: &mut Relay, number: u32, profile: Profile) -> Self {
        let far = Self::open(relay, number, profile);
        far.check(relay, far.remote, Some(1000));
        relay.events();
        far
    }

    /// A check from an address, perhaps nominating it with a priority.
    pub fn check(&self, relay: &mut Relay, from: Remote, nominated: Option<u32>) -> Vec<Sent> {
        relay.check((&format!("leg{}", self.number), b"password"), from, nominated)
    }

    pub fn protect(&self, packet: &[u8], index: u64) -> Vec<u8> {
        let mut sealed = packet.to_vec();
        sealed.resize(packet.len() + 16, 0);
        let header = RtpHeader::parse(packet).unwrap();
        let len = self.sender.protect_rtp(&mut sealed, header.len, packet.len(), header.ssrc, index);
        sealed.truncate(len);
        sealed
    }

    pub fn open_rtp(&mut self, datagram: &[u8]) -> (RtpHeader, Vec<u8>) {
        let mut packet = datagram.to_vec();
        let header = RtpHeader::parse(&packet).unwrap();
        let (len, _) = self.receiver.unprotect_rtp(&mut packet, &header).unwrap();
        packet.truncate(len);
        (header, packet)
    }
}

/// A packet with a transport-wide sequence number.
pub fn rtp(payload_type: u8, ssrc: u32, sequence: u16, timestamp: u32, transport_cc: u16) -> Vec<u8> {
    let mut packet = vec![0x90, payload_type];
    packet.extend(sequence.to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0xbe, 0xde, 0, 1, 0x31]);
    packet.extend(transport_cc.to_be_bytes());
    packet.push(0);
    packet.extend(b"payload");
    packet
}
