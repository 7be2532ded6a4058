//! STUN: whatever parses must have the shape that the rest relies on, and its answers must parse.
#![no_main]

use burrow_packet::stun::{IntegrityKey, MAX_ANSWER_LEN, StunMessage};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|datagram: &[u8]| {
    let Ok(message) = StunMessage::parse(datagram) else { return };
    let key = IntegrityKey::new(b"password");
    let _ = (message.local_ufrag(), message.has_integrity(&key));
    let mut out = [0; MAX_ANSWER_LEN];
    let len = message.success("[2001:db8::1]:9".parse().unwrap(), Some(&key), &mut out);
    assert!(StunMessage::parse(&out[..len]).unwrap().has_integrity(&key));
    let plain = message.success("192.0.2.1:9".parse().unwrap(), None, &mut out);
    assert!(plain <= datagram.len() + 12, "no answer to a stranger is more than the address longer");
    let len = message.role_conflict(&key, &mut out);
    assert!(StunMessage::parse(&out[..len]).unwrap().fingerprint);
});
