//! SRTP and SRTCP for the three profiles (RFC 3711, RFC 7714, RFC 5764 section 4.1.2).
//!
//! Everything happens in place: a packet keeps its buffer from the socket to the socket. The keys
//! of a direction are expanded once, when they are set.

mod kdf;
mod keys;
mod receiver;
mod sender;
mod window;

pub use receiver::{MAX_SOURCES, Receiver, Refusal, guess_index};
pub use sender::Sender;
pub use window::{RtcpWindow, RtpWindow};

/// A protection profile by its IANA name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `SRTP_AEAD_AES_128_GCM`
    AeadAes128Gcm,
    /// `SRTP_AEAD_AES_256_GCM`
    AeadAes256Gcm,
    /// `SRTP_AES128_CM_HMAC_SHA1_80`
    Aes128CmSha1,
}

impl Profile {
    /// All, in the order of preference.
    pub const ALL: [Self; 3] = [Self::AeadAes128Gcm, Self::AeadAes256Gcm, Self::Aes128CmSha1];

    /// The profile of an IANA name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// The IANA name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AeadAes128Gcm => "SRTP_AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "SRTP_AEAD_AES_256_GCM",
            Self::Aes128CmSha1 => "SRTP_AES128_CM_HMAC_SHA1_80",
        }
    }

    /// Octets of master key.
    #[must_use]
    pub fn key_len(self) -> usize {
        if self == Self::AeadAes256Gcm { 32 } else { 16 }
    }

    /// Octets of master salt.
    #[must_use]
    pub fn salt_len(self) -> usize {
        if self == Self::Aes128CmSha1 { 14 } else { 12 }
    }

    /// Octets that protection adds to an RTP packet.
    #[must_use]
    pub fn rtp_overhead(self) -> usize {
        if self == Self::Aes128CmSha1 { 10 } else { 16 }
    }

    /// Octets that protection adds to an RTCP packet: the tag and the index.
    #[must_use]
    pub fn rtcp_overhead(self) -> usize {
        self.rtp_overhead() + 4
    }
}

/// The master key and salt do not have the length that the profile asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadKeyLength;

#[cfg(test)]
mod tests;
