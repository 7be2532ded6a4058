//! Maps RTCP from one leg to the other, end to end, with the inverse of what RTP got (section 7).
//!
//! `own` is where this leg's media goes: its sender reports are about it. `back` is the opposite
//! direction, which ends at this leg: its receiver reports and feedback are about that one.

use crate::Nanos;
use crate::drops::{Drop, Drops};
use crate::egress::{Egress, EgressTrack};
use crate::forward::Direction;
use crate::rtcp::{Block, REPORT_LEN, Writer, kind, split, word};

const REMB: &[u8; 4] = b"REMB";

/// Appends the mapped packet to `out`, or nothing. `drops` counts what was left out of it.
pub fn map(
    packet: &[u8],
    peer: &mut Egress,
    this: &mut Egress,
    keyframe_interval: Nanos,
    now: Nanos,
    drops: &mut Drops,
    out: &mut Vec<u8>,
) {
    let first_ssrc = peer.first_ssrc();
    let (Some(own), Some(back)) = (&peer.direction, &mut this.direction) else {
        return drops.count(Drop::Unlinked);
    };
    let Some(blocks) = split(packet) else { return drops.count(Drop::RtcpMalformed) };
    let mut mapper = Mapper {
        own,
        cname: peer.plan.as_ref().map_or(&[], |plan| &plan.cname),
        first_ssrc,
        fir_number: &mut peer.fir_number,
        back,
        back_tracks: &mut this.tracks,
        keyframe_interval,
        now,
        drops,
        out: Writer::new(out),
    };
    for block in blocks {
        if let Err(reason) = mapper.block(block) {
            mapper.drops.count(reason);
            mapper.out.discard();
        }
    }
    mapper.out.discard_lone_empty_report();
}

struct Mapper<'a> {
    own: &'a Direction,
    cname: &'a [u8],
    first_ssrc: u32,
    fir_number: &'a mut u8,
    back: &'a mut Direction,
    back_tracks: &'a mut [EgressTrack],
    keyframe_interval: Nanos,
    now: Nanos,
    drops: &'a mut Drops,
    out: Writer<'a>,
}

/// A stream that a report or feedback is about: the flow's place, and the SSRC it came in with.
#[derive(Clone, Copy)]
struct Source {
    flow: usize,
    ssrc: u32,
}

impl Mapper<'_> {
    /// Writes what becomes of a block; after an error nothing of it stays.
    fn block(&mut self, block: Block<'_>) -> Result<(), Drop> {
        match (block.kind(), block.count()) {
            (kind::SR, _) => self.sender_report(block),
            (kind::RR, _) => {
                let sender = self.sender(block.word(4));
                self.receiver_report(block, sender, 8)
            }
            (kind::SDES, _) => self.description(block),
            (kind::BYE, _) => Err(Drop::RtcpUnmapped),
            (kind::RTPFB, 1) => self.nack(block),
            (kind::RTPFB, 15) => self.transport_cc(block),
            (kind::PSFB, 1) => self.picture_loss(block),
            (kind::PSFB, 4) => {
                self.full_intra_request(block);
                Ok(())
            }
            (kind::PSFB, 15) if block.from(12).starts_with(REMB) => self.remb(block),
            _ => Err(Drop::RtcpUnknownType),
        }
    }

    /// A report's or feedback's sender as the other browser may see it.
    fn sender(&self, ssrc: u32) -> u32 {
        self.own.flow_of(ssrc).map_or(self.first_ssrc, |flow| flow.egress_ssrc)
    }

    /// The stream that a report or feedback names by its egress SSRC, if this link has carried it.
    fn source(&self, egress_ssrc: u32) -> Result<Source, Drop> {
        let flows = self.back.flows.iter().enumerate();
        flows
            .filter(|(_, flow)| flow.egress_ssrc == egress_ssrc && flow.started)
            .find_map(|(at, flow)| Some(Source { flow: at, ssrc: flow.ssrc? }))
            .ok_or(Drop::RtcpUnmapped)
    }

    fn sender_report(&mut self, block: Block<'_>) -> Result<(), Drop> {
        let ssrc = block.word(4);
        let own = self.own;
        let flow = own.flow_of(ssrc).filter(|flow| flow.started && own.media_of(flow).started);
        let Some(flow) = flow else {
            self.drops.count(Drop::RtcpUnmapped);
            return self.receiver_report(block, self.sender(ssrc), 28);
        };
        let timestamp = block.word(16).wrapping_add(own.media_of(flow).timestamp_offset);
        self.out.start(kind::SR).word(flow.egress_ssrc).octets(&block.octets[8..16]);
        self.out.word(timestamp).octets(&block.octets[20..28]);
        let count = self.reports(block, 28)?;
        self.out.finish(count);
        Ok(())
    }

    fn receiver_report(&mut self, block: Block<'_>, sender: u32, at: usize) -> Result<(), Drop> {
        self.out.start(kind::RR).word(sender);
        let count = self.reports(block, at)?;
        // RFC 3550 section 6.1: a compound packet begins with a report, if only an empty one.
        if count > 0 || self.out.is_empty() {
            self.out.finish(count);
        } else {
            self.out.discard();
        }
        Ok(())
    }

    /// Appends the report blocks that map, and counts them.
    fn reports(&mut self, block: Block<'_>, at: usize) -> Result<u8, Drop> {
        let reports = block.from(at);
        if reports.len() < usize::from(block.count()) * REPORT_LEN {
            return Err(Drop::RtcpMalformed);
        }
        let mut kept = 0;
        for report in reports.chunks_exact(REPORT_LEN).take(usize::from(block.count())) {
            let source = match self.source(word(report, 0)) {
                Ok(source) => source,
                Err(reason) => {
                    self.drops.count(reason);
                    continue;
                }
            };
            let offset = self.back.flows[source.flow].offset;
            let highest = word(report, 8);
            let (cycles, low) = ((highest >> 16) as u16, highest as u16);
            // The offset was added modulo 2^16; taking it away may borrow from the cycle count.
            let cycles = cycles.saturating_sub(u16::from(low < offset));
            let highest = u32::from(cycles) << 16 | u32::from(low.wrapping_sub(offset));
            self.out.word(source.ssrc).octets(&report[4..8]).word(highest).octets(&report[12..]);
            kept += 1;
        }
        Ok(kept)
    }

    /// Chunks anew, with the egress leg's own CNAME and nothing else (RFC 3550 section 6.5).
    fn description(&mut self, block: Block<'_>) -> Result<(), Drop> {
        let (mut at, mut kept) = (4, 0);
        self.out.start(kind::SDES);
        for _ in 0..block.count() {
            if at + 4 > block.octets.len() {
                return Err(Drop::RtcpMalformed);
            }
            if let Some(flow) = self.own.flow_of(block.word(at)) {
                let cname = [1, self.cname.len() as u8];
                self.out.word(flow.egress_ssrc).octets(&cname).octets(self.cname).end_chunk();
                kept += 1;
            } else {
                self.drops.count(Drop::RtcpUnmapped);
            }
            at = next_chunk(block.octets, at + 4);
        }
        if kept > 0 {
            self.out.finish(kept);
        } else {
            self.out.discard();
        }
        Ok(())
    }

    /// Starts a feedback block about a source, with its own control information still to come.
    fn feedback(&mut self, block: Block<'_>, media: u32) {
        let sender = self.sender(block.word(4));
        self.out.start(block.kind()).word(sender).word(media);
    }

    /// RFC 4585 section 6.2.1: pairs of a packet's number and a mask of those that follow it.
    fn nack(&mut self, block: Block<'_>) -> Result<(), Drop> {
        let source = self.source(block.word(8))?;
        let offset = self.back.flows[source.flow].offset;
        self.feedback(block, source.ssrc);
        let pairs = block.content_from(12).chunks_exact(4);
        for pair in pairs.clone() {
            let number = u16::from_be_bytes([pair[0], pair[1]]).wrapping_sub(offset);
            self.out.octets(&number.to_be_bytes()).octets(&pair[2..]);
        }
        self.out.octets(block.from(12 + 4 * pairs.len())).finish_as(block);
        Ok(())
    }

    /// draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1.
    fn transport_cc(&mut self, block: Block<'_>) -> Result<(), Drop> {
        let source = self.source(block.word(8))?;
        let offset = self.back.transport_cc_offset.ok_or(Drop::RtcpUnmapped)?;
        if block.content_from(12).len() < 8 {
            return Err(Drop::RtcpMalformed);
        }
        let information = block.from(12);
        let base = u16::from_be_bytes([information[0], information[1]]).wrapping_sub(offset);
        self.feedback(block, source.ssrc);
        self.out.octets(&base.to_be_bytes()).octets(&information[2..]).finish_as(block);
        Ok(())
    }

    fn may_ask_keyframe(&mut self, source: Source) -> bool {
        let flow = &self.back.flows[source.flow];
        let (to, rtx) = (flow.to, flow.is_rtx());
        self.back_tracks[to].stream(rtx).keyframe_requests += 1;
        let may = self.back.may_ask_keyframe(self.keyframe_interval, self.now);
        if may {
            self.back.flows[source.flow].keyframe_requests += 1;
        }
        may
    }

    fn picture_loss(&mut self, block: Block<'_>) -> Result<(), Drop> {
        let source = self.source(block.word(8))?;
        if !self.may_ask_keyframe(source) {
            return Err(Drop::KeyframeThrottled);
        }
        self.feedback(block, source.ssrc);
        self.out.octets(block.from(12)).finish_as(block);
        Ok(())
    }

    /// FIR names its streams in its entries, and numbers its commands (RFC 5104 section 4.3.1).
    fn full_intra_request(&mut self, block: Block<'_>) {
        self.feedback(block, 0);
        let mut kept = false;
        for entry in block.content_from(12).chunks_exact(8) {
            match self.source(word(entry, 0)) {
                Err(reason) => self.drops.count(reason),
                Ok(source) if self.may_ask_keyframe(source) => {
                    *self.fir_number = self.fir_number.wrapping_add(1);
                    let number = [*self.fir_number, 0, 0, 0];
                    self.out.word(source.ssrc).octets(&number);
                    kept = true;
                }
                Ok(_) => self.drops.count(Drop::KeyframeThrottled),
            }
        }
        if kept {
            self.out.finish(4);
        } else {
            self.out.discard();
        }
    }

    /// draft-alvestrand-rmcat-remb-03 section 2.2.
    fn remb(&mut self, block: Block<'_>) -> Result<(), Drop> {
        let information = block.from(12);
        let count = information.get(4).copied().ok_or(Drop::RtcpMalformed)?;
        let ssrcs = information.get(8..8 + 4 * usize::from(count)).ok_or(Drop::RtcpMalformed)?;
        self.feedback(block, 0);
        self.out.octets(&information[..8]);
        let mut kept = 0;
        for ssrc in ssrcs.chunks_exact(4) {
            match self.source(word(ssrc, 0)) {
                Err(reason) => self.drops.count(reason),
                Ok(source) => {
                    self.out.word(source.ssrc);
                    kept += 1;
                }
            }
        }
        if kept > 0 {
            self.out.block()[16] = kept;
            self.out.finish(15);
        } else {
            self.out.discard();
        }
        Ok(())
    }
}

/// Where the chunk whose items begin at `at` ends, on a word's border.
fn next_chunk(block: &[u8], mut at: usize) -> usize {
    while at + 1 < block.len() && block[at] != 0 {
        at += 2 + usize::from(block[at + 1]);
    }
    (at / 4 + 1) * 4
}
