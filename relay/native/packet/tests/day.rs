//! A day of packets in virtual time: sequence numbers wrap some hundred times, the rollover counters with
//! them, timestamps twice, the transport-wide number most of all; links change every hour.

mod far;

use burrow_packet::leg::{link, unlink};
use burrow_packet::srtp::Profile;
use burrow_packet::{MILLISECOND, SECOND};
use far::{Far, LIMITS, Relay, rtp};

const HOURS: u64 = 24;

/// What the receiver of one stream has seen last.
#[derive(Default)]
struct Seen {
    last: Option<(u16, u32)>,
}

impl Seen {
    /// The numbers go on by one; the timestamp goes on.
    fn follows(&mut self, sequence: u16, timestamp: u32) {
        if let Some((last, at)) = self.last {
            assert_eq!(sequence, last.wrapping_add(1), "no gap and no repetition");
            let ahead = timestamp.wrapping_sub(at);
            assert!(ahead > 0 && ahead < 90_000 * 3700, "time goes on: {ahead}");
        }
        self.last = Some((sequence, timestamp));
    }
}

#[test]
fn a_day_of_audio_and_video() {
    let mut relay = Relay::new(LIMITS);
    let profile = Profile::AeadAes128Gcm;
    let mut fars = [1, 2, 3].map(|number| Far::connected(&mut relay, number, profile));
    let mut seen: [[Seen; 2]; 3] = Default::default();
    // Rollover counter and sequence number of each far end's audio and video.
    let mut index = [[0xff00_u64, 0x7f00]; 3];
    let mut transport_cc = [0_u16; 3];
    let mut last_cc = [None::<u16>; 3];
    let mut forwarded = 0_u64;
    for hour in 0..HOURS {
        // The first one meets the two others in turn; the third sends in vain meanwhile.
        let other = 1 + (hour % 2) as usize;
        link(&fars[0].leg, &fars[other].leg, 0, relay.now).unwrap();
        for tick in 0..3600 * 50 {
            relay.now += 20 * MILLISECOND;
            if tick % 100 == 0 {
                for far in &fars {
                    far.check(&mut relay, far.remote, Some(1000));
                }
                relay.node.tick(relay.now);
                relay.events();
            }
            for (who, to) in [(0, other), (other, 0)] {
                let video = usize::from(tick % 2 == 1);
                let number = fars[who].number;
                let (payload_type, ssrc, rate) =
                    [(111, number * 10 + 1, 48), (96, number * 10 + 2, 90)][video];
                index[who][video] += 1;
                transport_cc[who] = transport_cc[who].wrapping_add(1);
                let at = index[who][video];
                let timestamp = (relay.now / MILLISECOND * rate) as u32;
                let packet = rtp(payload_type, ssrc, at as u16, timestamp, transport_cc[who]);
                let sealed = fars[who].protect(&packet, at);
                let sent = relay.take(fars[who].remote, &sealed);
                let media: Vec<_> = sent.iter().filter(|(_, sent)| !(192..224).contains(&sent[1])).collect();
                assert_eq!(media.len(), 1, "hour {hour}, tick {tick}: every packet goes on");
                assert_eq!(media[0].0, fars[to].remote);
                let (header, plain) = fars[to].open_rtp(&media[0].1);
                assert_eq!(header.ssrc, fars[to].number * 10 + 6 + video as u32);
                seen[to][video].follows(header.sequence, header.timestamp);
                let cc = u16::from_be_bytes([plain[17], plain[18]]);
                assert!(last_cc[to].is_none_or(|last| cc == last.wrapping_add(1)));
                last_cc[to] = Some(cc);
                forwarded += 1;
            }
        }
        unlink(&fars[0].leg);
        // While the leg is unlinked its rollover counter follows what still comes.
        index[0][0] += 1;
        let sealed = fars[0].protect(&rtp(111, 11, index[0][0] as u16, 0, 0), index[0][0]);
        assert!(relay.take(fars[0].remote, &sealed).is_empty());
        relay.now += 5 * SECOND;
    }
    let counters = fars[0].leg.counters();
    assert_eq!(counters.ingress[0].packets + counters.ingress[1].packets, forwarded / 2);
    assert_eq!(counters.ingress[0].lost + counters.ingress[1].lost, 0);
    assert_eq!(
        counters.drops.iter().map(|(reason, count)| (reason.label(), count)).collect::<Vec<_>>(),
        [("unlinked", HOURS)]
    );
    assert!(index[0][0] > 20 << 16, "the rollover counter is a large one");
}
