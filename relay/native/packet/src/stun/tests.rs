use super::*;

/// Octets of hexadecimal text; white space is ignored.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

const PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";
/// RFC 5769 section 2.1.
const REQUEST: &str = "00010058 2112a442 b7e7a701 bc34d686 fa87dfae
    80220010 5354554e 20746573 7420636c 69656e74  00240004 6e0001ff  80290008 932ff9b1 51263b36
    00060009 6576746a 3a683676 59202020  00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2
    80280004 e57a3bcf";
/// RFC 5769 section 2.2.
const RESPONSE_V4: &str = "0101003c 2112a442 b7e7a701 bc34d686 fa87dfae
    8022000b 74657374 20766563 746f7220  00200008 0001a147 e112a643
    00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7  80280004 c07d4c96";
/// RFC 5769 section 2.3.
const RESPONSE_V6: &str = "01010048 2112a442 b7e7a701 bc34d686 fa87dfae
    8022000b 74657374 20766563 746f7220  00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9
    00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41  80280004 c8fb0b4c";

#[test]
fn rfc_5769_sample_request() {
    let datagram = hex(REQUEST);
    let message = StunMessage::parse(&datagram).unwrap();
    assert_eq!(message.class, StunClass::BindingRequest);
    assert_eq!(message.username, Some(&b"evtj:h6vY"[..]));
    assert_eq!(message.local_ufrag(), Some(&b"evtj"[..]));
    assert_eq!(message.priority, 0x6e00_01ff);
    assert!(message.ice_controlled && message.fingerprint && !message.use_candidate);
    assert!(message.has_integrity(&IntegrityKey::new(PASSWORD)));
    assert!(!message.has_integrity(&IntegrityKey::new(b"another password")));
}

#[test]
fn rfc_5769_sample_responses() {
    for text in [RESPONSE_V4, RESPONSE_V6] {
        let datagram = hex(text);
        let message = StunMessage::parse(&datagram).unwrap();
        assert!(message.fingerprint && message.has_integrity(&IntegrityKey::new(PASSWORD)));
    }
}

/// The mapped addresses of the RFC 5769 responses come out of this module as they stand there.
#[test]
fn answers_carry_the_address_as_rfc_5769_does() {
    let datagram = hex(REQUEST);
    let message = StunMessage::parse(&datagram).unwrap();
    let key = IntegrityKey::new(PASSWORD);
    for (address, attribute) in [
        ("192.0.2.1:32853", "00200008 0001a147 e112a643"),
        (
            "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
            "00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9",
        ),
    ] {
        let mut out = [0; MAX_ANSWER_LEN];
        let length = message.success(address.parse().unwrap(), Some(&key), &mut out);
        let attribute = hex(attribute);
        assert_eq!(out[20..20 + attribute.len()], attribute);
        let answer = StunMessage::parse(&out[..length]).unwrap();
        assert!(answer.has_integrity(&key) && answer.fingerprint);
        assert_eq!(out[..2], [0x01, 0x01]);
        assert_eq!(out[4..20], datagram[4..20]);
    }
}

#[test]
fn a_role_conflict_is_authenticated() {
    let datagram = hex(REQUEST);
    let key = IntegrityKey::new(PASSWORD);
    let mut out = [0; MAX_ANSWER_LEN];
    let length = StunMessage::parse(&datagram).unwrap().role_conflict(&key, &mut out);
    let answer = StunMessage::parse(&out[..length]).unwrap();
    assert!(answer.has_integrity(&key) && answer.fingerprint);
    assert_eq!(out[..2], [0x01, 0x11]);
    assert_eq!(out[20..28], [0x00, 0x09, 0, 4, 0, 0, 4, 87]);
}

#[test]
fn a_plain_request_is_answered_without_integrity() {
    let datagram = hex("00010000 2112a442 000102030405060708090a0b");
    let message = StunMessage::parse(&datagram).unwrap();
    let mut out = [0; MAX_ANSWER_LEN];
    let length = message.success("192.0.2.1:1".parse().unwrap(), None, &mut out);
    assert_eq!(length, datagram.len() + 12, "no more than the mapped address is added");
}

#[test]
fn what_breaks_the_rules_is_malformed() {
    let good = hex(REQUEST);
    let malformed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut datagram = good.clone();
        change(&mut datagram);
        assert!(StunMessage::parse(&datagram).is_err(), "{datagram:02x?}");
    };
    malformed(&|d| d.truncate(19));
    malformed(&|d| d.truncate(d.len() - 4));
    malformed(&|d| d.push(0));
    malformed(&|d| d[4] = 0);
    malformed(&|d| d[3] = 0x57);
    malformed(&|d| d[0] = 4);
    malformed(&|d| *d.last_mut().unwrap() ^= 1);
    malformed(&|d| d[23] = 0xff);
}

#[test]
fn the_check_it_builds_is_one_it_takes() {
    let key = IntegrityKey::new(PASSWORD);
    let datagram = connectivity_check(b"here:there", &key, 7, true, [9; 12]);
    let message = StunMessage::parse(&datagram).unwrap();
    assert_eq!((message.local_ufrag(), message.priority), (Some(&b"here"[..]), 7));
    assert!(message.has_integrity(&key) && message.use_candidate && message.fingerprint);
}

#[test]
fn attributes_after_the_integrity_are_not_believed() {
    let key = IntegrityKey::new(PASSWORD);
    let mut datagram = hex(REQUEST);
    datagram.truncate(datagram.len() - 8);
    datagram.extend(hex("00250000 00060004 61616161"));
    datagram[3] = (datagram.len() - 20) as u8;
    let message = StunMessage::parse(&datagram).unwrap();
    assert!(message.has_integrity(&key));
    assert!(!message.use_candidate);
    assert_eq!(message.username, Some(&b"evtj:h6vY"[..]));
}
