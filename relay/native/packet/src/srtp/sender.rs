//! Protecting what goes to one leg.

use super::keys::Keys;
use super::{BadKeyLength, Profile};

/// The sending side of a leg's SRTP session.
#[repr(C)] // hot before cold
pub struct Sender {
    rtcp_index: u32,
    keys: Keys,
}

impl Sender {
    /// From master key followed by master salt.
    ///
    /// # Errors
    /// [`BadKeyLength`] when it has not the profile's length.
    pub fn new(profile: Profile, master: &[u8]) -> Result<Self, BadKeyLength> {
        Ok(Self { keys: Keys::derive(profile, master)?, rtcp_index: 0 })
    }

    #[cfg(test)]
    pub(super) fn from_keys(keys: Keys) -> Self {
        Self { keys, rtcp_index: 0 }
    }

    /// The profile it was made with.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.keys.profile
    }

    /// Encrypts an RTP packet of `len` octets in place and returns its new length. `packet` has room
    /// for [`Profile::rtp_overhead`] more. The caller never gives an SSRC the same `index` (rollover
    /// counter and sequence number) twice: that would undo the encryption.
    pub fn protect_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        len: usize,
        ssrc: u32,
        index: u64,
    ) -> usize {
        self.keys.rtp.seal_rtp(packet, header_len, len, ssrc, index)
    }

    /// Encrypts an RTCP packet of `len` octets, at least eight, in place and returns its new length.
    /// `packet` has room for [`Profile::rtcp_overhead`] more.
    pub fn protect_rtcp(&mut self, packet: &mut [u8], len: usize) -> usize {
        let ssrc = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        // One index for all senders' SSRCs: each sees it grow, and no pair of both comes twice in
        // the 2^31 packets that a key may protect (RFC 3711 section 9.2), years at any real rate.
        self.rtcp_index = (self.rtcp_index + 1) & 0x7fff_ffff;
        self.keys.rtcp.seal_rtcp(packet, len, ssrc, self.rtcp_index)
    }
}
