//! RTCP packets: taking compound packets apart and putting new ones together (RFC 3550 section 6,
//! RFC 4585, RFC 5104).

/// Packet types.
pub mod kind {
    /// Sender report.
    pub const SR: u8 = 200;
    /// Receiver report.
    pub const RR: u8 = 201;
    /// Source description.
    pub const SDES: u8 = 202;
    /// Goodbye.
    pub const BYE: u8 = 203;
    /// Transport-layer feedback.
    pub const RTPFB: u8 = 205;
    /// Payload-specific feedback.
    pub const PSFB: u8 = 206;
}

/// Octets of one report block.
pub const REPORT_LEN: usize = 24;
/// Octets of a picture loss indication.
pub const PLI_LEN: usize = 12;

/// One block of a compound packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// With its header and its padding.
    pub octets: &'a [u8],
    /// Octets of padding at its end; only the last block of a packet has any.
    pub padding: usize,
}

impl<'a> Block<'a> {
    /// Packet type.
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.octets[1]
    }

    /// Report count, or feedback format.
    #[must_use]
    pub fn count(&self) -> u8 {
        self.octets[0] & 0x1f
    }

    /// The 32-bit word at an offset, which the fixed part of the block's type covers or the caller has
    /// checked.
    #[must_use]
    pub fn word(&self, at: usize) -> u32 {
        word(self.octets, at)
    }

    /// The octets from an offset on, padding and all; empty past the end.
    #[must_use]
    pub fn from(&self, at: usize) -> &'a [u8] {
        self.octets.get(at..).unwrap_or_default()
    }

    /// The octets from an offset on without the padding; empty past the end.
    #[must_use]
    pub fn content_from(&self, at: usize) -> &'a [u8] {
        self.octets.get(at..self.octets.len() - self.padding).unwrap_or_default()
    }
}

/// A 32-bit word of network order.
#[must_use]
pub fn word(octets: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]])
}

/// The fixed part of each type in octets.
fn least(kind: u8) -> usize {
    match kind {
        kind::SR => 28,
        kind::RR => 8,
        kind::RTPFB | kind::PSFB => 12,
        _ => 4,
    }
}

/// Walks the blocks of a compound packet; ends at the first that breaks the rules.
struct Blocks<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Blocks<'a> {
    /// `None`: malformed.
    type Item = Option<Block<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let block = self.take();
        if block.is_none() {
            self.rest = &[];
        }
        Some(block)
    }
}

impl<'a> Blocks<'a> {
    fn take(&mut self) -> Option<Block<'a>> {
        let &[first, kind, w0, w1] = self.rest.get(..4)? else { return None };
        let len = 4 * (usize::from(u16::from_be_bytes([w0, w1])) + 1);
        if first >> 6 != 2 || len > self.rest.len() || len < least(kind) {
            return None;
        }
        let (octets, rest) = self.rest.split_at(len);
        let mut padding = 0;
        if first & 0x20 != 0 {
            // RFC 3550 section 6.4.1: only the last block of a compound packet may be padded. The
            // size should be a multiple of four, but browsers pad transport-wide feedback by less.
            padding = usize::from(octets[len - 1]);
            if !rest.is_empty() || padding == 0 || len < least(kind) + padding {
                return None;
            }
        }
        self.rest = rest;
        Some(Block { octets, padding })
    }
}

/// The blocks of a compound packet. `None` when any of them is malformed.
#[must_use]
pub fn split(packet: &[u8]) -> Option<impl Iterator<Item = Block<'_>>> {
    let blocks = || Blocks { rest: packet };
    if packet.is_empty() || blocks().any(|block| block.is_none()) {
        return None;
    }
    Some(blocks().flatten())
}

/// Writes blocks one behind the other; its buffer keeps its memory.
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    packet: usize,
    block: usize,
}

impl<'a> Writer<'a> {
    /// Writes behind what `out` holds already.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        let packet = out.len();
        Self { out, packet, block: packet }
    }

    /// Whether no block has been finished yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.block == self.packet
    }

    /// Starts a block, in place of one that was not finished.
    pub fn start(&mut self, kind: u8) -> &mut Self {
        self.out.truncate(self.block);
        self.out.extend_from_slice(&[0x80, kind, 0, 0]);
        self
    }

    /// Appends octets.
    pub fn octets(&mut self, octets: &[u8]) -> &mut Self {
        self.out.extend_from_slice(octets);
        self
    }

    /// Appends a word.
    pub fn word(&mut self, word: u32) -> &mut Self {
        self.octets(&word.to_be_bytes())
    }

    /// Appends zero octets up to a word's border, at least one (RFC 3550 section 6.5).
    pub fn end_chunk(&mut self) -> &mut Self {
        let zeros = 4 - (self.out.len() - self.block) % 4;
        self.octets(&[0; 4][..zeros])
    }

    /// What was written of the block, to change it.
    pub fn block(&mut self) -> &mut [u8] {
        &mut self.out[self.block..]
    }

    /// Finishes the block with its count or format.
    pub fn finish(&mut self, count: u8) {
        let words = (self.out.len() - self.block) / 4 - 1;
        let block = self.block();
        block[0] = 0x80 | count;
        block[2..4].copy_from_slice(&(words as u16).to_be_bytes());
        self.block = self.out.len();
    }

    /// Finishes a block that kept the padding of the one it was made from.
    pub fn finish_as(&mut self, block: Block<'_>) {
        self.finish(block.octets[0] & 0x3f);
    }

    /// Takes back a block that was not finished.
    pub fn discard(&mut self) {
        self.out.truncate(self.block);
    }

    /// Takes back everything when it is a single report about nothing.
    pub fn discard_lone_empty_report(&mut self) {
        if self.out[self.packet..].len() == 8 && self.out[self.packet..][..2] == [0x80, kind::RR] {
            self.out.truncate(self.packet);
            self.block = self.packet;
        }
    }
}

/// A picture loss indication (RFC 4585 section 6.3.1).
#[must_use]
pub fn picture_loss_indication(sender: u32, media: u32) -> [u8; PLI_LEN] {
    let mut packet = [0x81, kind::PSFB, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0];
    packet[4..8].copy_from_slice(&sender.to_be_bytes());
    packet[8..12].copy_from_slice(&media.to_be_bytes());
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compound_packets_come_apart() {
        let packet = [&[0x80, kind::RR, 0, 1, 0, 0, 0, 7][..], &picture_loss_indication(1, 2)].concat();
        let blocks: Vec<_> = split(&packet).unwrap().collect();
        assert_eq!(blocks.len(), 2);
        assert_eq!((blocks[0].kind(), blocks[0].word(4)), (kind::RR, 7));
        assert_eq!((blocks[1].kind(), blocks[1].count(), blocks[1].word(8)), (kind::PSFB, 1, 2));
    }

    #[test]
    fn anything_malformed_spoils_the_packet() {
        for bad in [
            &[][..],
            &[0x80, kind::RR, 0],
            &[0x80, kind::RR, 0, 2, 0, 0, 0, 7],
            &[0x40, kind::RR, 0, 1, 0, 0, 0, 7],
            &[0x80, kind::SR, 0, 1, 0, 0, 0, 7],
            &[0x80, kind::RR, 0, 1, 0, 0, 0, 7, 1],
            &[0xa0, kind::RR, 0, 1, 0, 0, 0, 4],
            &[0xa0, kind::RR, 0, 2, 0, 0, 0, 7, 0, 0, 0, 0],
        ] {
            assert!(split(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn padding_is_allowed_at_the_end() {
        let packet = [0xa0, kind::RR, 0, 2, 0, 0, 0, 7, 0, 0, 0, 4];
        let block = split(&packet).unwrap().next().unwrap();
        assert_eq!((block.octets, block.padding), (&packet[..], 4));
        assert_eq!(block.content_from(4), &packet[4..8]);
        let twice = [&packet[..], &packet].concat();
        assert!(split(&twice).is_none());
    }

    #[test]
    fn a_lone_empty_report_is_taken_back() {
        let mut out = vec![1, 2, 3];
        let mut writer = Writer::new(&mut out);
        writer.start(kind::RR).word(7).finish(0);
        writer.discard_lone_empty_report();
        assert!(writer.is_empty());
        assert_eq!(out, [1, 2, 3]);
    }
}
