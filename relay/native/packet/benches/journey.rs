//! The journey of a packet without sockets: nanoseconds from the datagram as read to the datagram as sent,
//! the median of all batches, for the profiles and for few and many legs.
//!
//! `cargo bench -p burrow-packet`. The kernel's part comes on top: see docs/measurements.md.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use burrow_packet::ahead::{Span, Stage};
use burrow_packet::event::EventQueue;
use burrow_packet::leg::{Leg, link};
use burrow_packet::node::{Limits, Node};
use burrow_packet::plan::{Kind, LegPlan, TrackPlan};
use burrow_packet::remote::Remote;
use burrow_packet::srtp::{Profile, Sender};
use burrow_packet::stun::{IntegrityKey, connectivity_check};
use burrow_packet::worker::{Answers, Outcome, Worker};

const PACKET_LEN: usize = 1200;
const BATCH: usize = 64;
const ROUNDS: usize = 3000;

fn prefetch(span: Span) {
    for line in (0..span.len).step_by(64) {
        // SAFETY: a prefetch reads nothing; any address will do.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(
                span.start.wrapping_add(line).cast(),
            );
        }
    }
}

struct Far {
    remote: Remote,
    sender: Sender,
    index: u64,
    ssrc: u32,
}

fn plan(number: u32) -> LegPlan {
    let track = TrackPlan {
        mid: (*b"1").into(),
        kind: Kind::Video,
        clock_rates: [(96, 90_000)].into(),
        rtx: [(97, 96)].into(),
        ingress_ssrc: Some(1_000_000 + number),
        ingress_rtx_ssrc: Some(2_000_000 + number),
        egress_ssrc: 3_000_000 + number,
        egress_rtx_ssrc: Some(4_000_000 + number),
    };
    LegPlan { tracks: [track].into(), cname: (*b"bench").into(), mid_extension: 1, transport_cc_extension: 3 }
}

fn main() {
    for (profile, legs) in [
        (Profile::AeadAes128Gcm, 200),
        (Profile::AeadAes128Gcm, 2000),
        (Profile::AeadAes256Gcm, 200),
        (Profile::Aes128CmSha1, 200),
        (Profile::Aes128CmSha1, 2000),
    ] {
        let nanos = measure(profile, legs);
        println!("{:28} {legs:5} legs: {nanos:4.0} ns a packet", profile.name());
    }
}

fn measure(profile: Profile, legs: u32) -> f64 {
    let limits = Limits {
        leg_max_bps: 1 << 50,
        leg_burst_bytes: 1 << 40,
        leg_max_paths: 4,
        interrupted_after_ms: 1 << 30,
        consent_ms: 1 << 30,
        path_stale_ms: 3000,
        keyframe_interval_ms: 300,
        stun_per_second: 20,
    };
    let node = Arc::new(Node::new(limits, EventQueue::new(Box::new(|| ()))));
    let mut worker = Worker::new(Arc::clone(&node));
    let mut answers = Answers::default();
    let master = vec![7; profile.key_len() + profile.salt_len()];
    let (mut all, mut fars): (Vec<Arc<Leg>>, Vec<Far>) = (Vec::new(), Vec::new());
    for number in 0..legs {
        let ufrag = format!("leg{number}");
        let leg = node.open_leg(ufrag.as_bytes(), b"password", 0);
        leg.set_keys(profile, &master, &master).unwrap();
        leg.set_plan(plan(number)).unwrap();
        let remote = Remote::new(0, ([127, 1, (number >> 8) as u8, number as u8], 4000).into());
        let key = IntegrityKey::new(b"password");
        let mut check =
            connectivity_check(format!("{ufrag}:far").as_bytes(), &key, 1, true, [number as u8; 12]);
        let len = check.len();
        worker.handle(1, remote, &mut check, len, &mut answers);
        let sender = Sender::new(profile, &master).unwrap();
        fars.push(Far { remote, sender, index: 0, ssrc: 1_000_000 + number });
        all.push(leg);
    }
    for pair in all.chunks(2) {
        link(&pair[0], &pair[1], 0, 1).unwrap();
    }
    let stride = 2048 + 64;
    let mut slots = vec![0_u8; stride * BATCH];
    let (mut next, mut times, mut forwarded) = (0, Vec::new(), 0_u64);
    for round in 0..ROUNDS {
        let mut from = [fars[0].remote; BATCH];
        let mut len = 0;
        for (slot, from) in slots.chunks_exact_mut(stride).zip(&mut from) {
            let far = &mut fars[next];
            next = (next + 1) % legs as usize;
            slot[..20]
                .copy_from_slice(&[0x90, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 1, 0x31, 0, 0, 0]);
            slot[2..4].copy_from_slice(&(far.index as u16).to_be_bytes());
            slot[8..12].copy_from_slice(&far.ssrc.to_be_bytes());
            len = far.sender.protect_rtp(slot, 20, PACKET_LEN, far.ssrc, far.index);
            far.index += 1;
            *from = far.remote;
        }
        answers.clear();
        let start = Instant::now();
        for (at, slot) in slots.chunks_exact_mut(stride).enumerate() {
            if legs > 500 {
                for (stage, distance) in [(Stage::Sender, 6), (Stage::Receiver, 3), (Stage::Streams, 1)] {
                    if let Some(&from) = from.get(at + distance) {
                        worker.look_ahead(from, stage).into_iter().for_each(prefetch);
                    }
                }
            }
            let from = from[at];
            let outcome = worker.handle(1000 + round as u64, from, slot, len, &mut answers);
            forwarded += u64::from(matches!(black_box(outcome), Outcome::Send { .. }));
        }
        times.push(start.elapsed().as_nanos());
    }
    assert_eq!(forwarded, (ROUNDS * BATCH) as u64, "every packet was forwarded");
    times.sort_unstable();
    times[ROUNDS / 2] as f64 / BATCH as f64
}
