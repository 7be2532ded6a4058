//! Unprotecting what one leg sends.

use super::keys::{ENCRYPTED, Keys, RTCP_CLEAR};
use super::window::{RtcpWindow, RtpWindow};
use super::{BadKeyLength, Profile};
use crate::ahead::Span;
use crate::rtp::RtpHeader;

/// Sources of a leg that are ever unprotected: each costs its windows.
pub const MAX_SOURCES: usize = 16;

/// Why a packet was not unprotected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Shorter than header and tag.
    Malformed,
    /// The tag is not the sender's.
    BadAuth,
    /// Received before, or older than the window.
    Replayed,
    /// One more source than [`MAX_SOURCES`].
    TooManySources,
}

/// The receiving side of a leg's SRTP session.
#[repr(C)] // hot before cold
pub struct Receiver {
    sources: Vec<Source>,
    keys: Keys,
}

#[repr(C)]
struct Source {
    ssrc: u32,
    rtp: Option<RtpWindow>,
    rtcp: Option<RtcpWindow>,
}

impl Receiver {
    /// From master key followed by master salt.
    ///
    /// # Errors
    /// [`BadKeyLength`] when it has not the profile's length.
    pub fn new(profile: Profile, master: &[u8]) -> Result<Self, BadKeyLength> {
        Ok(Self { keys: Keys::derive(profile, master)?, sources: Vec::new() })
    }

    #[cfg(test)]
    pub(super) fn from_keys(keys: Keys) -> Self {
        Self { keys, sources: Vec::new() }
    }

    /// Where the state of its first sources lies.
    pub(crate) fn span(&self) -> Span {
        Span::of(&self.sources, 1)
    }

    /// The profile it was made with.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.keys.profile
    }

    /// Decrypts an RTP packet in place and returns its length without the tag and its index:
    /// rollover counter and sequence number.
    ///
    /// # Errors
    /// A [`Refusal`]; the packet's payload is then undefined.
    pub fn unprotect_rtp(&mut self, packet: &mut [u8], header: &RtpHeader) -> Result<(usize, u64), Refusal> {
        if packet.len() < header.len + self.keys.profile.rtp_overhead() {
            return Err(Refusal::Malformed);
        }
        let known = self.sources.iter().position(|source| source.ssrc == header.ssrc);
        if known.is_none() && self.sources.len() >= MAX_SOURCES {
            return Err(Refusal::TooManySources);
        }
        let window = known.and_then(|at| self.sources[at].rtp.as_ref());
        let index = match window {
            Some(window) => guess_index(window.highest(), header.sequence),
            None => u64::from(header.sequence),
        };
        if window.is_some_and(|window| !window.is_new(index)) {
            return Err(Refusal::Replayed);
        }
        let len =
            self.keys.rtp.open_rtp(packet, header.len, header.ssrc, index).map_err(|_| Refusal::BadAuth)?;
        let source = self.source(known, header.ssrc);
        match &mut source.rtp {
            Some(window) => window.record(index),
            none => *none = Some(RtpWindow::starting_at(index)),
        }
        Ok((len, index))
    }

    /// Decrypts an RTCP packet in place and returns its length without tag and index.
    ///
    /// # Errors
    /// A [`Refusal`]; the packet is then undefined.
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Refusal> {
        if packet.len() < RTCP_CLEAR + self.keys.profile.rtcp_overhead() {
            return Err(Refusal::Malformed);
        }
        let ssrc = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        let index = u64::from(self.keys.rtcp.rtcp_word(packet) & !ENCRYPTED);
        let known = self.sources.iter().position(|source| source.ssrc == ssrc);
        if known.is_none() && self.sources.len() >= MAX_SOURCES {
            return Err(Refusal::TooManySources);
        }
        let window = known.and_then(|at| self.sources[at].rtcp.as_ref());
        if window.is_some_and(|window| !window.is_new(index)) {
            return Err(Refusal::Replayed);
        }
        let len = self.keys.rtcp.open_rtcp(packet, ssrc).map_err(|_| Refusal::BadAuth)?;
        let source = self.source(known, ssrc);
        match &mut source.rtcp {
            Some(window) => window.record(index),
            none => *none = Some(RtcpWindow::starting_at(index)),
        }
        Ok(len)
    }

    fn source(&mut self, known: Option<usize>, ssrc: u32) -> &mut Source {
        let at = known.unwrap_or_else(|| {
            self.sources.push(Source { ssrc, rtp: None, rtcp: None });
            self.sources.len() - 1
        });
        &mut self.sources[at]
    }
}

/// The index that `sequence` most likely has (RFC 3711 section 3.3.1 and appendix A).
#[must_use]
pub fn guess_index(highest: u64, sequence: u16) -> u64 {
    let ahead = i64::from(sequence.wrapping_sub(highest as u16) as i16);
    match highest.checked_add_signed(ahead) {
        Some(index) => index,
        // Before the first rollover there is nothing further back to guess at.
        None => u64::from(sequence),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rollover_counter_is_guessed_both_ways() {
        assert_eq!(guess_index(0xfffe, 3), 0x1_0003);
        assert_eq!(guess_index(0x1_0003, 0xfffe), 0xfffe);
        assert_eq!(guess_index(0x5_8000, 0x8001), 0x5_8001);
        assert_eq!(guess_index(3, 0xfffe), 0xfffe, "there is nothing before zero");
    }
}
