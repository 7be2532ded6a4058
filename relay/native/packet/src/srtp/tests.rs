//! The vectors of RFC 3711 appendix B and RFC 7714 sections 16 and 17.

use super::kdf::{Label, apply_keystream, counter_mode, derive};
use super::keys::{Cipher, Keys};
use super::*;
use crate::rtp::RtpHeader;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

fn array<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().unwrap()
}

/// RFC 3711 appendix B.2.
#[test]
fn aes_counter_mode_keystream() {
    let cipher = counter_mode(&hex("2B7E151628AED2A6ABF7158809CF4F3C"));
    let mut stream = [0; 48];
    apply_keystream(&cipher, array("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000"), &mut stream);
    assert_eq!(
        stream[..],
        hex(
            "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0"
        )
    );
}

/// RFC 3711 appendix B.3.
#[test]
fn key_derivation() {
    let cipher = counter_mode(&hex("E1F97A0D3E018BE0D64FA32C06DE4139"));
    let salt = hex("0EC675AD498AFEEBB6960B3AABE6");
    assert_eq!(derive::<16>(&cipher, &salt, Label::RtpKey)[..], hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(derive::<14>(&cipher, &salt, Label::RtpSalt)[..], hex("30CBBC08863D8C85D49DB34A9AE1"));
    assert_eq!(
        derive::<20>(&cipher, &salt, Label::RtpAuth)[..],
        hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")
    );
}

const KEY_128: &str = "000102030405060708090a0b0c0d0e0f";
const KEY_256: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// "Quid pro quo"
const SALT: &str = "517569642070726f2071756f";

/// RFC 7714 gives session keys, with no derivation before them.
fn gcm(key: &str) -> Keys {
    let cipher = || Cipher::gcm(&hex(key), array(SALT));
    let profile = if key.len() == 64 { Profile::AeadAes256Gcm } else { Profile::AeadAes128Gcm };
    Keys { profile, rtp: cipher(), rtcp: cipher() }
}

/// RFC 7714 sections 16.1 and 16.2.
#[test]
fn gcm_protects_rtp() {
    let plain = hex(
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573",
    );
    for (key, protected) in [
        (
            KEY_128,
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833 899d7f27 beb16a91 52cf765e e4390cce",
        ),
        (
            KEY_256,
            "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b 7aa3db36 dfffd6b0 f9bb7878 d7a76c13",
        ),
    ] {
        let mut packet = plain.clone();
        packet.resize(plain.len() + 16, 0);
        let sender = Sender::from_keys(gcm(key));
        let len = sender.protect_rtp(&mut packet, 12, plain.len(), 0x5501_a0b2, 0xf17b);
        assert_eq!(packet[..len], hex(protected));
        let mut receiver = Receiver::from_keys(gcm(key));
        let header = RtpHeader::parse(&packet).unwrap();
        assert_eq!(receiver.unprotect_rtp(&mut packet, &header), Ok((plain.len(), 0xf17b)));
        assert_eq!(packet[..plain.len()], plain);
    }
}

/// RFC 7714 section 17.1 and 17.3: SRTCP encrypted, and tagged only.
#[test]
fn gcm_protects_rtcp() {
    let plain = hex(
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef",
    );
    let encrypted = hex(
        "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
    );
    let mut receiver = Receiver::from_keys(gcm(KEY_128));
    let mut packet = encrypted.clone();
    assert_eq!(receiver.unprotect_rtcp(&mut packet), Ok(plain.len()));
    assert_eq!(packet[..plain.len()], plain);
    let mut again = encrypted.clone();
    assert_eq!(receiver.unprotect_rtcp(&mut again), Err(Refusal::Replayed));
    let mut sealed = plain.clone();
    sealed.resize(plain.len() + 20, 0);
    let len = gcm(KEY_128).rtcp.seal_rtcp(&mut sealed, plain.len(), 0x4d61_7273, 0x5d4);
    assert_eq!(sealed[..len], encrypted);

    let tagged = hex(
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef 841dd968 3dd78ec9 2ae58790 125f62b3 000005d4",
    );
    let mut packet = tagged.clone();
    let mut receiver = Receiver::from_keys(gcm(KEY_128));
    assert_eq!(receiver.unprotect_rtcp(&mut packet), Ok(plain.len()));
    assert_eq!(packet[..plain.len()], plain);
}

/// The test driver of libsrtp publishes these two for AES_CM_128_HMAC_SHA1_80.
#[test]
fn counter_mode_protects_as_libsrtp_does() {
    let master = hex("e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6");
    let media = hex("800f1234 decafbad cafebabe abababab abababab abababab abababab");
    let protected_media =
        hex("800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc 99ea179b 8dbb");
    let sender = Sender::new(Profile::Aes128CmSha1, &master).unwrap();
    let mut packet = media.clone();
    packet.resize(media.len() + 10, 0);
    let len = sender.protect_rtp(&mut packet, 12, media.len(), 0xcafe_babe, 0x1234);
    assert_eq!(packet[..len], protected_media);
    let report = hex("81c8000b cafebabe abababab abababab abababab abababab");
    let protected_report =
        hex("81c8000b cafebabe 7128035b e487b9bd bef89041 f977a5a8 80000001 993e08cd 54d6c123 0798");
    let mut sender = sender;
    let mut packet = report.clone();
    packet.resize(report.len() + 14, 0);
    let len = sender.protect_rtcp(&mut packet, report.len());
    assert_eq!(packet[..len], protected_report);
}

fn master(profile: Profile) -> Vec<u8> {
    (0..(profile.key_len() + profile.salt_len()) as u8).collect()
}

fn packet(sequence: u16, ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend_from_slice(b"some payload of a packet");
    packet
}

fn sealed(sender: &Sender, ssrc: u32, index: u64) -> Vec<u8> {
    let mut packet = packet(index as u16, ssrc);
    let len = packet.len();
    packet.resize(len + 16, 0);
    let sealed = sender.protect_rtp(&mut packet, 12, len, ssrc, index);
    packet.truncate(sealed);
    packet
}

fn open(receiver: &mut Receiver, packet: &[u8]) -> Result<(usize, u64), Refusal> {
    let mut packet = packet.to_vec();
    let header = RtpHeader::parse(&packet).unwrap();
    receiver.unprotect_rtp(&mut packet, &header)
}

#[test]
fn wraps_reordering_replays_and_forgeries() {
    for profile in Profile::ALL {
        let sender = Sender::new(profile, &master(profile)).unwrap();
        let mut receiver = Receiver::new(profile, &master(profile)).unwrap();
        for index in [65_530, 65_535, 65_537, 65_534, 65_536, 66_500] {
            let packet = sealed(&sender, 7, index);
            assert_eq!(open(&mut receiver, &packet).map(|(_, index)| index), Ok(index));
            assert_eq!(open(&mut receiver, &packet), Err(Refusal::Replayed));
        }
        let too_old = sealed(&sender, 7, 66_500 - 1024);
        assert_eq!(open(&mut receiver, &too_old), Err(Refusal::Replayed));
        let old = sealed(&sender, 7, 66_500 - 900);
        assert!(open(&mut receiver, &old).is_ok());
        let mut forged = sealed(&sender, 7, 66_501);
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(open(&mut receiver, &forged), Err(Refusal::BadAuth));
        forged.truncate(12 + profile.rtp_overhead() - 1);
        assert_eq!(open(&mut receiver, &forged), Err(Refusal::Malformed));
        assert!(open(&mut receiver, &sealed(&sender, 7, 66_501)).is_ok(), "a forgery moves nothing");
    }
}

#[test]
fn sources_are_bounded_and_the_known_ones_stay() {
    let profile = Profile::AeadAes128Gcm;
    let sender = Sender::new(profile, &master(profile)).unwrap();
    let mut receiver = Receiver::new(profile, &master(profile)).unwrap();
    for round in 0..200 {
        let known = sealed(&sender, 1, 65_500 + round);
        assert!(open(&mut receiver, &known).is_ok(), "the rollover counter is kept");
        let other = open(&mut receiver, &sealed(&sender, 1000 + round as u32, 1));
        let full = round as usize >= MAX_SOURCES - 1;
        assert_eq!(other.is_err(), full);
        assert!(!full || other == Err(Refusal::TooManySources));
    }
}

#[test]
fn masters_of_another_length_are_refused() {
    for profile in Profile::ALL {
        let master = master(profile);
        assert!(Receiver::new(profile, &master[1..]).is_err());
        assert!(Sender::new(profile, &[&master[..], &[0]].concat()).is_err());
        assert_eq!(Profile::from_name(profile.name()), Some(profile));
    }
    assert_eq!(Profile::from_name("SRTP_NULL_SHA1_80"), None);
}
