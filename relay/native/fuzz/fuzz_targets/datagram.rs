//! The whole entry, with two linked legs: raw datagrams from anywhere, and packets that a leg has really
//! protected. Whatever leaves for a leg must be its own: its keys open it, once, and the streams are its.
#![no_main]

use std::sync::Arc;

use burrow_packet::event::EventQueue;
use burrow_packet::leg::{Leg, link, unlink};
use burrow_packet::node::{Limits, Node};
use burrow_packet::plan::{Kind, LegPlan, TrackPlan};
use burrow_packet::remote::Remote;
use burrow_packet::rtp::RtpHeader;
use burrow_packet::srtp::{Profile, Receiver, Sender};
use burrow_packet::stun::{IntegrityKey, connectivity_check};
use burrow_packet::worker::{Answers, Outcome, Worker};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits {
    leg_max_bps: 8_000_000,
    leg_burst_bytes: 100_000,
    leg_max_paths: 2,
    interrupted_after_ms: 100,
    consent_ms: 1_000_000,
    path_stale_ms: 3_000,
    keyframe_interval_ms: 1,
    stun_per_second: 5,
};

struct Far {
    leg: Arc<Leg>,
    remote: Remote,
    sender: Sender,
    receiver: Receiver,
    egress: [u32; 3],
}

fn plan(number: u32) -> LegPlan {
    let track = |kind, mid: &[u8], at: u32, media: u8, rtx: Option<u8>| TrackPlan {
        mid: mid.into(),
        kind,
        clock_rates: [(media, 90_000)].into(),
        rtx: rtx.map(|rtx| (rtx, media)).into_iter().collect(),
        ingress_ssrc: (number == 0).then_some(at),
        ingress_rtx_ssrc: None,
        egress_ssrc: 100 * (number + 1) + at,
        egress_rtx_ssrc: rtx.map(|_| 100 * (number + 1) + at + 1),
    };
    LegPlan {
        tracks: [track(Kind::Audio, b"0", 1, 111, None), track(Kind::Video, b"1", 2, 96, Some(97))].into(),
        cname: b"a longer name than the browser's"[..].into(),
        mid_extension: 1,
        transport_cc_extension: 3,
    }
}

fn far(node: &Node, worker: &mut Worker, answers: &mut Answers, number: u32, profile: Profile) -> Far {
    let ufrag = format!("leg{number}");
    let leg = node.open_leg(ufrag.as_bytes(), b"password", 0);
    let master = vec![number as u8; profile.key_len() + profile.salt_len()];
    leg.set_keys(profile, &master, &master).unwrap();
    leg.set_plan(plan(number)).unwrap();
    let remote = Remote::new(0, ([192, 0, 2, number as u8], 9).into());
    let key = IntegrityKey::new(b"password");
    let mut check = connectivity_check(format!("{ufrag}:x").as_bytes(), &key, 1, true, [0; 12]);
    let len = check.len();
    worker.handle(0, remote, &mut check, len, answers);
    let base = 100 * (number + 1);
    Far {
        leg,
        remote,
        sender: Sender::new(profile, &master).unwrap(),
        receiver: Receiver::new(profile, &master).unwrap(),
        egress: [base + 1, base + 2, base + 3],
    }
}

/// What leaves for a leg must be for it.
fn check(fars: &mut [Far; 2], to: Remote, datagram: &[u8]) {
    let Some(far) = fars.iter_mut().find(|far| far.remote == to) else { return };
    if datagram[0] < 4 {
        return;
    }
    let mut packet = datagram.to_vec();
    if (192..224).contains(&packet[1]) {
        far.receiver.unprotect_rtcp(&mut packet).expect("its keys open it, once");
        return;
    }
    let header = RtpHeader::parse(&packet).expect("what leaves is RTP");
    assert!(far.egress.contains(&header.ssrc));
    far.receiver.unprotect_rtp(&mut packet, &header).expect("its keys open it, once");
}

fuzz_target!(|input: (u8, Vec<(u8, Vec<u8>)>)| {
    let (profiles, steps) = input;
    let node = Arc::new(Node::new(LIMITS, EventQueue::new(Box::new(|| ()))));
    let mut worker = Worker::new(Arc::clone(&node));
    let mut answers = Answers::default();
    let profile = |at: u8| Profile::ALL[usize::from(at % 3)];
    let mut fars =
        [0, 1].map(|number| far(&node, &mut worker, &mut answers, number, profile(profiles >> (4 * number))));
    link(&fars[0].leg, &fars[1].leg, 1, 1).unwrap();
    let mut now = 1_000_000;
    let mut index = [0_u64; 2];
    for (what, mut octets) in steps {
        now += u64::from(what >> 4) * 1_000_000;
        let who = usize::from(what & 1);
        octets.truncate(1400);
        let len = octets.len();
        let mut buffer = octets;
        buffer.resize(1500, 0);
        let len = match (what >> 1) & 7 {
            0 => {
                unlink(&fars[0].leg);
                link(&fars[0].leg, &fars[1].leg, 1, now).unwrap();
                continue;
            }
            1 => {
                node.tick(now);
                worker.tick();
                continue;
            }
            2 => {
                fars[who].leg.set_plan(plan(who as u32)).unwrap();
                let _ = fars[who].leg.counters();
                continue;
            }
            3 => len,
            4 if len >= 8 => fars[who].sender.protect_rtcp(&mut buffer, len),
            _ if len >= 12 => {
                buffer[0] = 0x80 | (buffer[0] & 0x3f);
                index[who] += 1;
                buffer[2..4].copy_from_slice(&(index[who] as u16).to_be_bytes());
                let Some(header) = RtpHeader::parse(&buffer[..len]) else { continue };
                fars[who].sender.protect_rtp(&mut buffer, header.len, len, header.ssrc, index[who])
            }
            _ => len,
        };
        answers.clear();
        if let Outcome::Send { to, len } =
            worker.handle(now, fars[who].remote, &mut buffer, len, &mut answers)
        {
            check(&mut fars, to, &buffer[..len]);
        }
        for (to, datagram) in answers.iter() {
            check(&mut fars, to, datagram);
        }
        node.events.take();
    }
    node.close_all();
});
