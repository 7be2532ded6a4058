//! Which address a leg's packets go to, and when it is lost (section 2).

mod far;

use burrow_packet::event::Event;
use burrow_packet::ice::Transport;
use burrow_packet::srtp::Profile;
use far::{Far, LIMITS, Relay, remote};

fn setup() -> (Relay, Far) {
    let relay = Relay::new(LIMITS);
    let far = Far::open(&relay, 1, Profile::AeadAes128Gcm);
    (relay, far)
}

fn selected(relay: &Relay) -> Vec<u16> {
    let ports = relay.events().into_iter().filter_map(|(_, event)| match event {
        Event::PathSelected(Transport::Udp, address) => Some(address.port()),
        _ => None,
    });
    ports.collect()
}

#[test]
fn priority_decides_among_nominated_paths_until_it_is_stale() {
    let (mut relay, far) = setup();
    far.check(&mut relay, remote(1, 1), None);
    assert_eq!(selected(&relay), [], "validated is not nominated");
    far.check(&mut relay, remote(1, 1), Some(50));
    far.check(&mut relay, remote(1, 2), Some(90));
    far.check(&mut relay, remote(1, 1), Some(50));
    assert_eq!(selected(&relay), [1, 2]);
    relay.pass(2000);
    far.check(&mut relay, remote(1, 1), Some(50));
    assert_eq!(selected(&relay), []);
    relay.pass_ticking(1100);
    assert_eq!(selected(&relay), [1], "the higher priority was not nominated again");
}

#[test]
fn silence_interrupts_then_loses_and_a_check_revives() {
    let (mut relay, far) = setup();
    far.check(&mut relay, remote(1, 1), Some(1));
    relay.events();
    let kinds = |relay: &Relay| relay.events().into_iter().map(|(_, event)| event).collect::<Vec<_>>();
    relay.pass_ticking(5900);
    assert_eq!(kinds(&relay), []);
    relay.pass_ticking(200);
    assert_eq!(kinds(&relay), [Event::PathInterrupted]);
    far.check(&mut relay, remote(1, 1), Some(1));
    assert_eq!(kinds(&relay), [Event::PathResumed]);
    relay.pass_ticking(30_000);
    assert_eq!(kinds(&relay), [Event::PathInterrupted, Event::PathLost]);
    assert_eq!(relay.worker.addresses(), 0);
    assert!(relay.take(remote(1, 1), &[0x80; 40]).is_empty());
    assert_eq!(relay.drops(), [("unknown_source", 1)]);
}

#[test]
fn a_leg_that_never_checks_is_lost_too() {
    let (mut relay, _far) = setup();
    relay.pass_ticking(30_100);
    assert_eq!(relay.events().into_iter().map(|(_, event)| event).collect::<Vec<_>>(), [Event::PathLost]);
}

#[test]
fn addresses_are_bounded_and_the_selected_one_stays() {
    let (mut relay, far) = setup();
    far.check(&mut relay, remote(1, 1), Some(1));
    for port in 2..100 {
        relay.pass(10);
        far.check(&mut relay, remote(1, port), None);
    }
    relay.worker.tick();
    assert_eq!(relay.worker.addresses(), LIMITS.leg_max_paths);
    // DTLS from a forgotten address is nobody's, from the selected and a remembered one the leg's.
    relay.events();
    for port in [50, 1, 99] {
        relay.take(remote(1, port), &[22, 254, 253]);
    }
    assert_eq!(relay.events().len(), 2);
    assert_eq!(relay.drops(), [("unknown_source", 1)]);
}

#[test]
fn an_address_belongs_to_the_leg_it_validated_last() {
    let (mut relay, far) = setup();
    let other = Far::open(&relay, 2, Profile::AeadAes128Gcm);
    far.check(&mut relay, remote(1, 1), Some(1));
    other.check(&mut relay, remote(1, 1), Some(1));
    relay.events();
    relay.take(remote(1, 1), &[22, 254, 253]);
    assert_eq!(relay.events().into_iter().map(|(leg, _)| leg).collect::<Vec<_>>(), [other.leg.serial]);
    assert!(far.leg.egress.lock().path.is_none());
    relay.node.close_leg(&other.leg);
    assert!(relay.take(remote(1, 1), &[22, 254, 253]).is_empty());
    assert_eq!(relay.drops(), [("unknown_source", 1)]);
}

#[test]
fn dtls_that_nobody_reads_is_bounded() {
    let (mut relay, far) = setup();
    far.check(&mut relay, remote(1, 1), Some(1));
    relay.events();
    for _ in 0..100 {
        relay.take(remote(1, 1), &[22, 254, 253]);
    }
    assert_eq!(relay.events().len(), 16);
    let drops = far.leg.counters().drops;
    assert_eq!(drops.get(burrow_packet::drops::Drop::DtlsQueueFull), 84);
    relay.take(remote(1, 1), &[22, 254, 253]);
    assert_eq!(relay.events().len(), 1);
}

#[test]
fn path_changes_that_nobody_reads_are_bounded_and_the_last_one_counts() {
    let (mut relay, far) = setup();
    for round in 0..100 {
        far.check(&mut relay, remote(1, 1 + round % 3), Some(u32::from(round) + 1));
    }
    let ports = selected(&relay);
    assert_eq!((ports.len(), ports.last()), (16, Some(&1)));
}

const NEW: (&str, &[u8]) = ("new", b"fresh");

#[test]
fn after_a_restart_the_old_path_stays_until_a_pair_of_the_new_credentials_is_nominated() {
    let (mut relay, far) = setup();
    far.check(&mut relay, remote(1, 1), Some(90));
    relay.node.restart(&far.leg, b"new", b"fresh");
    assert_eq!(selected(&relay), [1]);
    assert_eq!(relay.node.legs(), 1);
    // Consent goes on by the old ones, but they nominate no more.
    assert_eq!(far.check(&mut relay, remote(1, 1), Some(90)).len(), 1);
    assert_eq!(far.check(&mut relay, remote(1, 2), Some(99)).len(), 1);
    relay.check(NEW, remote(1, 3), None);
    relay.pass_ticking(200);
    assert_eq!(selected(&relay), []);
    // The new nomination wins whatever its priority, and ends the old credentials.
    relay.check(NEW, remote(1, 3), Some(10));
    assert_eq!(selected(&relay), [3]);
    assert!(far.check(&mut relay, remote(1, 1), Some(90)).is_empty());
    assert_eq!(relay.drops(), [("stun_unknown_ufrag", 1)]);
    // What was in flight on the old path is still the leg's.
    relay.take(remote(1, 1), &[22, 254, 253]);
    assert_eq!(relay.drops(), [("stun_unknown_ufrag", 1)]);
    // The old path is never taken again, also when the new one falls silent.
    relay.pass_ticking(5000);
    assert_eq!(selected(&relay), []);
    relay.check(NEW, remote(1, 4), Some(20));
    assert_eq!(selected(&relay), [4]);
}

#[test]
fn a_restart_that_nothing_answers_gives_way_to_the_next_and_closing_ends_all() {
    let (mut relay, far) = setup();
    far.check(&mut relay, remote(1, 1), Some(90));
    relay.node.restart(&far.leg, b"abandoned", b"x");
    relay.node.restart(&far.leg, b"new", b"fresh");
    assert!(relay.check(("abandoned", b"x"), remote(1, 2), Some(9)).is_empty());
    assert_eq!(far.check(&mut relay, remote(1, 1), None).len(), 1);
    // From the same address: nothing to select anew.
    assert_eq!(selected(&relay), [1]);
    relay.check(NEW, remote(1, 1), Some(9));
    assert_eq!(selected(&relay), []);
    relay.node.restart(&far.leg, b"third", b"y");
    relay.node.close_leg(&far.leg);
    for credentials in [NEW, ("third", b"y".as_slice())] {
        assert!(relay.check(credentials, remote(1, 1), Some(9)).is_empty());
    }
    assert_eq!(relay.node.legs(), 0);
}
