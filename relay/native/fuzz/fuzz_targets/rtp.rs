//! The RTP header and its extensions: every offset found lies within the packet.
#![no_main]

use burrow_packet::rtp::RtpHeader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|packet: &[u8]| {
    let Some(header) = RtpHeader::parse(packet) else { return };
    assert!(header.len <= packet.len());
    if let Some(payload) = header.payload_len(packet) {
        assert!(header.len + payload <= packet.len());
    }
    for id in 0..=16 {
        let found = header.extensions(packet, id, 16 - id);
        if let Some((at, len)) = found.mid {
            assert!(at + len <= header.len);
        }
        if let Some(at) = found.transport_cc {
            assert!(at + 2 <= header.len);
        }
    }
});
