//! Compound RTCP: the blocks are the packet, one behind the other.
#![no_main]

use burrow_packet::rtcp::split;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|packet: &[u8]| {
    let Some(blocks) = split(packet) else { return };
    let mut len = 0;
    for block in blocks {
        assert!(block.octets.len() >= 4 && block.octets.len() % 4 == 0);
        assert!(block.padding <= block.octets.len());
        let _ = (block.kind(), block.count(), block.from(12), block.content_from(12));
        len += block.octets.len();
    }
    assert_eq!(len, packet.len());
});
