//! TCP framing: however the stream is cut, the same datagrams come out.
#![no_main]

use burrow_packet::framing::Deframer;
use libfuzzer_sys::fuzz_target;

const LONGEST: usize = 1500;

fuzz_target!(|input: (u8, &[u8])| {
    let (cut, stream) = input;
    let read = |cut: usize| {
        let mut deframer = Deframer::new(LONGEST);
        let mut datagrams: Vec<Vec<u8>> = Vec::new();
        for piece in stream.chunks(cut.max(1)) {
            if deframer.read(piece, |datagram| datagrams.push(datagram.to_vec())).is_err() {
                break;
            }
        }
        datagrams
    };
    let whole = read(usize::MAX);
    assert!(whole.iter().all(|datagram| datagram.len() <= LONGEST));
    assert_eq!(read(usize::from(cut)), whole);
});
