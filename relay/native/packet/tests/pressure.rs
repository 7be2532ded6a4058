//! A flood costs only who makes it (sections 2 and 4).

mod far;

use burrow_packet::drops::Drop;
use burrow_packet::leg::link;
use burrow_packet::node::Limits;
use burrow_packet::srtp::Profile;
use far::{Far, LIMITS, Relay, remote, rtp};

#[test]
fn a_leg_over_its_bit_rate_loses_only_its_own_packets() {
    let mut relay = Relay::new(Limits { leg_max_bps: 80_000, leg_burst_bytes: 1000, ..LIMITS });
    let a = Far::connected(&mut relay, 1, Profile::AeadAes128Gcm);
    let b = Far::connected(&mut relay, 2, Profile::AeadAes128Gcm);
    link(&a.leg, &b.leg, 0, relay.now).unwrap();
    let mut passed = 0;
    for index in 1..=100 {
        let packet = a.protect(&rtp(96, 12, index as u16, 0, 0), index);
        passed += usize::from(!relay.take(a.remote, &packet).is_empty());
    }
    let size = a.protect(&rtp(96, 12, 1, 0, 0), 1).len();
    assert_eq!(passed, 1000 / size);
    assert_eq!(a.leg.counters().drops.get(Drop::BitRateExceeded), 100 - passed as u64);
    let back = b.protect(&rtp(96, 22, 1, 0, 0), 1);
    assert!(!relay.take(b.remote, &back).is_empty());
    relay.pass(1000);
    let later = a.protect(&rtp(96, 12, 101, 0, 0), 101);
    assert!(!relay.take(a.remote, &later).is_empty());
}

#[test]
fn strangers_get_nothing_larger_than_what_they_sent() {
    let mut relay = Relay::new(LIMITS);
    let _far = Far::open(&relay, 1, Profile::AeadAes128Gcm);
    let plain: Vec<u8> = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[5; 12]].concat();
    let mut answered = 0;
    for last in 0..100 {
        let sent = relay.take(remote(last, 9), &plain);
        answered += sent.len();
        assert!(sent.iter().all(|(_, answer)| answer.len() <= plain.len() + 12));
    }
    assert_eq!(answered, 20, "all of these are of one /24");
    for datagram in [&[0x80; 40][..], &[22; 40], &[0x80, 200, 0, 1], &[0, 1, 0, 4], &[99], &[]] {
        assert!(relay.take(remote(1, 9), datagram).is_empty());
    }
}

/// The two profiles add different numbers of octets; a link between them changes every length.
#[test]
fn profiles_mix_and_a_tight_buffer_is_told() {
    use burrow_packet::worker::Outcome;
    let mut relay = Relay::new(LIMITS);
    let mut a = Far::connected(&mut relay, 1, Profile::Aes128CmSha1);
    let mut b = Far::connected(&mut relay, 2, Profile::AeadAes256Gcm);
    link(&a.leg, &b.leg, 0, relay.now).unwrap();
    let mut packet = a.protect(&rtp(96, 12, 7, 0, 0), 7);
    let (len, room) = (packet.len(), packet.len() + 6);
    let outcome = relay.worker.handle(relay.now, a.remote, &mut packet, len, &mut relay.answers);
    assert_eq!(outcome, Outcome::NeedsRoom(room));
    let sent = relay.take(a.remote, &packet);
    assert_eq!(sent[0].1.len(), room);
    assert_eq!(b.open_rtp(&sent[0].1).0.ssrc, 27);
    let back = b.protect(&rtp(96, 22, 9, 0, 0), 9);
    let sent = relay.take(b.remote, &back);
    assert_eq!(sent[0].1.len(), back.len() - 6);
    assert_eq!(a.open_rtp(&sent[0].1).0.ssrc, 17);
}
