//! The expanded keys of one direction, and the transforms on one packet.

use aws_lc_rs::cipher::EncryptingKey;
use hmac::{Hmac, KeyInit, Mac};
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha1::Sha1;

use super::kdf::{Label, apply_keystream, counter_mode, derive};
use super::{BadKeyLength, Profile};

/// Octets of the AES-GCM tag (RFC 7714 section 13.2).
pub const GCM_TAG_LEN: usize = 16;
/// Octets of the truncated HMAC-SHA1 (RFC 3711 section 4.2.1).
pub const SHA1_TAG_LEN: usize = 10;

/// The tag is not the sender's.
pub struct BadTag;

/// The keys of one direction: RTP and RTCP apart, as the derivation makes them.
#[repr(C)] // hot before cold
pub struct Keys {
    pub profile: Profile,
    pub rtp: Cipher,
    pub rtcp: Cipher,
}

/// One session key set in the form its transform needs, expanded in place: it lies with the leg's
/// other state, where it can be fetched early (see [`crate::ahead`]).
///
/// AES-GCM is ring's, whose expanded key is a plain value; counter mode, which ring has not, is
/// aws-lc-rs's; HMAC is RustCrypto's, whose expanded key has 128 octets where aws-lc-rs's has 1,232.
#[allow(clippy::large_enum_variant)]
pub enum Cipher {
    Gcm { key: LessSafeKey, salt: [u8; 12] },
    CounterSha1 { key: EncryptingKey, salt: [u8; 14], auth: Hmac<Sha1> },
}

impl Keys {
    /// Derives from master key followed by master salt.
    pub fn derive(profile: Profile, master: &[u8]) -> Result<Self, BadKeyLength> {
        if master.len() != profile.key_len() + profile.salt_len() {
            return Err(BadKeyLength);
        }
        let (key, salt) = master.split_at(profile.key_len());
        let prf = counter_mode(key);
        let cipher = |key_label, auth_label, salt_label| match profile {
            Profile::AeadAes128Gcm => {
                Cipher::gcm(&derive::<16>(&prf, salt, key_label), derive(&prf, salt, salt_label))
            }
            Profile::AeadAes256Gcm => {
                Cipher::gcm(&derive::<32>(&prf, salt, key_label), derive(&prf, salt, salt_label))
            }
            Profile::Aes128CmSha1 => Cipher::counter_sha1(
                &derive(&prf, salt, key_label),
                derive(&prf, salt, salt_label),
                &derive(&prf, salt, auth_label),
            ),
        };
        Ok(Self {
            profile,
            rtp: cipher(Label::RtpKey, Label::RtpAuth, Label::RtpSalt),
            rtcp: cipher(Label::RtcpKey, Label::RtcpAuth, Label::RtcpSalt),
        })
    }
}

impl Cipher {
    /// From a session key of 16 or 32 octets.
    pub fn gcm(key: &[u8], salt: [u8; 12]) -> Self {
        let algorithm = if key.len() == 32 { &AES_256_GCM } else { &AES_128_GCM };
        let key = UnboundKey::new(algorithm, key).expect("the derivation makes keys of this length");
        Self::Gcm { key: LessSafeKey::new(key), salt }
    }

    pub fn counter_sha1(key: &[u8; 16], salt: [u8; 14], auth: &[u8; 20]) -> Self {
        let auth = Hmac::new_from_slice(auth).expect("HMAC takes keys of every length");
        Self::CounterSha1 { key: counter_mode(key), salt, auth }
    }

    /// Encrypts what follows the header of `packet[..len]`, puts the tag behind it and returns the
    /// new length. `index` is rollover counter and sequence number.
    pub fn seal_rtp(&self, packet: &mut [u8], header: usize, len: usize, ssrc: u32, index: u64) -> usize {
        match self {
            Self::Gcm { key, salt } => {
                let nonce = gcm_nonce(salt, ssrc, index);
                let (clear, rest) = packet.split_at_mut(header);
                let (payload, rest) = rest.split_at_mut(len - header);
                let tag = key
                    .seal_in_place_separate_tag(nonce, Aad::from(&*clear), payload)
                    .expect("a datagram is shorter than AES-GCM's limit");
                rest[..GCM_TAG_LEN].copy_from_slice(tag.as_ref());
                len + GCM_TAG_LEN
            }
            Self::CounterSha1 { key, salt, auth } => {
                apply_keystream(key, counter(salt, ssrc, index), &mut packet[header..len]);
                let tag = sha1_tag(auth, &packet[..len], ((index >> 16) as u32).to_be_bytes());
                packet[len..len + SHA1_TAG_LEN].copy_from_slice(&tag.finalize().into_bytes()[..SHA1_TAG_LEN]);
                len + SHA1_TAG_LEN
            }
        }
    }

    /// Authenticates and decrypts `packet` and returns the length without the tag. The packet is
    /// at least as long as header and tag; after [`BadTag`] its payload is undefined.
    pub fn open_rtp(&self, packet: &mut [u8], header: usize, ssrc: u32, index: u64) -> Result<usize, BadTag> {
        match self {
            Self::Gcm { key, salt } => {
                let nonce = gcm_nonce(salt, ssrc, index);
                let (clear, sealed) = packet.split_at_mut(header);
                let plain = key.open_in_place(nonce, Aad::from(&*clear), sealed).map_err(|_| BadTag)?;
                Ok(header + plain.len())
            }
            Self::CounterSha1 { key, salt, auth } => {
                let len = packet.len() - SHA1_TAG_LEN;
                sha1_tag(auth, &packet[..len], ((index >> 16) as u32).to_be_bytes())
                    .verify_truncated_left(&packet[len..])
                    .map_err(|_| BadTag)?;
                apply_keystream(key, counter(salt, ssrc, index), &mut packet[header..len]);
                Ok(len)
            }
        }
    }

    /// Encrypts all but the first eight octets of `packet[..len]`, puts tag and index behind it and
    /// returns the new length. `index` has 31 bits.
    pub fn seal_rtcp(&self, packet: &mut [u8], len: usize, ssrc: u32, index: u32) -> usize {
        let word = (index | ENCRYPTED).to_be_bytes();
        match self {
            Self::Gcm { key, salt } => {
                let nonce = gcm_nonce(salt, ssrc, u64::from(index));
                let mut aad = [0; RTCP_CLEAR + 4];
                aad[..RTCP_CLEAR].copy_from_slice(&packet[..RTCP_CLEAR]);
                aad[RTCP_CLEAR..].copy_from_slice(&word);
                let tag = key
                    .seal_in_place_separate_tag(nonce, Aad::from(aad), &mut packet[RTCP_CLEAR..len])
                    .expect("a datagram is shorter than AES-GCM's limit");
                packet[len..len + GCM_TAG_LEN].copy_from_slice(tag.as_ref());
                packet[len + GCM_TAG_LEN..len + GCM_TAG_LEN + 4].copy_from_slice(&word);
                len + GCM_TAG_LEN + 4
            }
            Self::CounterSha1 { key, salt, auth } => {
                let counter = counter(salt, ssrc, u64::from(index));
                apply_keystream(key, counter, &mut packet[RTCP_CLEAR..len]);
                packet[len..len + 4].copy_from_slice(&word);
                let tag = sha1_tag(auth, &packet[..len], word).finalize().into_bytes();
                packet[len + 4..len + 4 + SHA1_TAG_LEN].copy_from_slice(&tag[..SHA1_TAG_LEN]);
                len + 4 + SHA1_TAG_LEN
            }
        }
    }

    /// Authenticates `packet` and, if its E flag says so, decrypts it; returns the length without tag
    /// and index. The packet is at least eight octets and the overhead long.
    pub fn open_rtcp(&self, packet: &mut [u8], ssrc: u32) -> Result<usize, BadTag> {
        let word = self.rtcp_word(packet);
        let encrypted = word & ENCRYPTED != 0;
        let index = u64::from(word & !ENCRYPTED);
        match self {
            Self::Gcm { key, salt } => {
                let nonce = gcm_nonce(salt, ssrc, index);
                let len = packet.len() - 4 - GCM_TAG_LEN;
                if encrypted {
                    let mut aad = [0; RTCP_CLEAR + 4];
                    aad[..RTCP_CLEAR].copy_from_slice(&packet[..RTCP_CLEAR]);
                    aad[RTCP_CLEAR..].copy_from_slice(&word.to_be_bytes());
                    let sealed = &mut packet[RTCP_CLEAR..len + GCM_TAG_LEN];
                    key.open_in_place(nonce, Aad::from(aad), sealed).map_err(|_| BadTag)?;
                } else {
                    // RFC 7714 section 9.3: all of it is associated data, and the index follows the
                    // tag on the wire but the packet in the associated data.
                    let mut tag = [0; GCM_TAG_LEN];
                    tag.copy_from_slice(&packet[len..len + GCM_TAG_LEN]);
                    packet[len..len + 4].copy_from_slice(&word.to_be_bytes());
                    key.open_in_place(nonce, Aad::from(&packet[..len + 4]), &mut tag).map_err(|_| BadTag)?;
                }
                Ok(len)
            }
            Self::CounterSha1 { key, salt, auth } => {
                let len = packet.len() - 4 - SHA1_TAG_LEN;
                sha1_tag(auth, &packet[..len], word.to_be_bytes())
                    .verify_truncated_left(&packet[len + 4..])
                    .map_err(|_| BadTag)?;
                if encrypted {
                    apply_keystream(key, counter(salt, ssrc, index), &mut packet[RTCP_CLEAR..len]);
                }
                Ok(len)
            }
        }
    }

    /// The E flag and index of a protected RTCP packet.
    pub fn rtcp_word(&self, packet: &[u8]) -> u32 {
        let at = match self {
            Self::Gcm { .. } => packet.len() - 4,
            Self::CounterSha1 { .. } => packet.len() - SHA1_TAG_LEN - 4,
        };
        u32::from_be_bytes([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]])
    }
}

/// The E flag in the index word of SRTCP.
pub const ENCRYPTED: u32 = 1 << 31;
/// Octets of an RTCP packet that stay in the clear: the first header and the sender's SSRC.
pub const RTCP_CLEAR: usize = 8;

/// RFC 7714 sections 8.1 and 9.1: for SRTCP the index takes the place of rollover counter and
/// sequence number, with 16 zero bits before it.
fn gcm_nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> Nonce {
    let mut nonce = *salt;
    for (octet, part) in nonce[2..6].iter_mut().zip(ssrc.to_be_bytes()) {
        *octet ^= part;
    }
    for (octet, part) in nonce[6..].iter_mut().zip(&index.to_be_bytes()[2..]) {
        *octet ^= part;
    }
    Nonce::assume_unique_for_key(nonce)
}

/// RFC 3711 section 4.1.1: `(salt << 16) XOR (SSRC << 64) XOR (index << 16)`.
fn counter(salt: &[u8; 14], ssrc: u32, index: u64) -> [u8; 16] {
    let mut counter = [0; 16];
    counter[..14].copy_from_slice(salt);
    for (octet, part) in counter[4..8].iter_mut().zip(ssrc.to_be_bytes()) {
        *octet ^= part;
    }
    for (octet, part) in counter[8..14].iter_mut().zip(&index.to_be_bytes()[2..]) {
        *octet ^= part;
    }
    counter
}

/// HMAC over the packet and the word that is not in it (the rollover counter, the SRTCP index).
fn sha1_tag(auth: &Hmac<Sha1>, packet: &[u8], word: [u8; 4]) -> Hmac<Sha1> {
    let mut mac = auth.clone();
    mac.update(packet);
    mac.update(&word);
    mac
}
