//! Key derivation (RFC 3711 section 4.3, RFC 7714 section 11), with a key derivation rate of zero.

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;

/// What a session key is for (RFC 3711 section 4.3.1 and 4.3.2).
#[derive(Clone, Copy)]
pub enum Label {
    RtpKey = 0,
    RtpAuth = 1,
    RtpSalt = 2,
    RtcpKey = 3,
    RtcpAuth = 4,
    RtcpSalt = 5,
}

/// The AES counter mode cipher of a key of 16 or 32 octets, the only lengths this crate makes.
pub fn counter_mode(key: &[u8]) -> EncryptingKey {
    let algorithm = if key.len() == 32 { &AES_256 } else { &AES_128 };
    UnboundCipherKey::new(algorithm, key)
        .and_then(EncryptingKey::ctr)
        .expect("AES keys here have 16 or 32 octets, checked when they were set")
}

/// XORs the keystream of `counter` over `data`.
pub fn apply_keystream(cipher: &EncryptingKey, counter: [u8; 16], data: &mut [u8]) {
    cipher
        .less_safe_encrypt(data, EncryptionContext::Iv128(FixedLength::from(counter)))
        .expect("counter mode takes every length of a datagram");
}

/// Derives `N` octets. A salt of 12 octets is taken with two zero octets behind it (RFC 7714
/// section 11).
pub fn derive<const N: usize>(cipher: &EncryptingKey, salt: &[u8], label: Label) -> [u8; N] {
    let mut counter = [0; 16];
    counter[..salt.len()].copy_from_slice(salt);
    counter[7] ^= label as u8;
    let mut out = [0; N];
    apply_keystream(cipher, counter, &mut out);
    out
}
