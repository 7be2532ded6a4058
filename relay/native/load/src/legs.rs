//! The far ends of a load's legs: everything about one follows from its number, so the process with the
//! engine needs to be told nothing.

use std::net::Ipv4Addr;

use burrow_packet::srtp::{Profile, Receiver, Sender};
use burrow_packet::stun::IntegrityKey;

/// Payload type of the only stream: VP8 in the relay's table.
pub const PAYLOAD_TYPE: u8 = 96;
/// Extension id of the transport-wide sequence number in the relay's table.
pub const TRANSPORT_CC: u8 = 3;

/// What the engine must be told of a leg.
pub struct Secrets {
    /// The relay's own ufrag.
    pub ufrag: String,
    /// The relay's own password.
    pub password: String,
    /// Master key and salt of what the leg sends.
    pub ingress: Vec<u8>,
    /// Master key and salt of what the leg gets.
    pub egress: Vec<u8>,
    /// SSRC of what it sends.
    pub ingress_ssrc: u32,
    /// SSRC of what it gets.
    pub egress_ssrc: u32,
}

impl Secrets {
    /// Of the leg with this number. They are no secrets: a load is for the loopback interface.
    #[must_use]
    pub fn new(number: u32, profile: Profile) -> Self {
        let master = |direction: u8| {
            let seed = number.to_be_bytes();
            let len = profile.key_len() + profile.salt_len();
            (0..len).map(|at| seed[at % 4] ^ (at as u8).wrapping_mul(31) ^ direction).collect()
        };
        Self {
            ufrag: format!("load{number}"),
            password: format!("password-of-load-{number}"),
            ingress: master(0x55),
            egress: master(0xaa),
            ingress_ssrc: 0x1000_0000 | number,
            egress_ssrc: EGRESS_SSRC | number,
        }
    }
}

/// Address of the far end with number 0; the others follow it.
pub const FIRST_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 1);

/// Upper bits of what a leg gets, lower ones are its number.
pub const EGRESS_SSRC: u32 = 0x2000_0000;

/// One far end.
pub struct LoadLeg {
    /// Its loopback address.
    pub address: Ipv4Addr,
    /// Its connectivity check.
    pub check: Vec<u8>,
    /// Number of packets sent: rollover counter and sequence number.
    pub index: u64,
    /// Transport-wide sequence number.
    pub transport_cc: u16,
    /// SSRC of what it sends.
    pub ssrc: u32,
    /// Protects what it sends.
    pub sender: Sender,
    /// Unprotects what it gets.
    pub receiver: Receiver,
}

impl LoadLeg {
    /// The far end with this number.
    ///
    /// # Panics
    /// Never: the keys made here have the profile's length.
    #[must_use]
    pub fn new(number: u32, profile: Profile) -> Self {
        let secrets = Secrets::new(number, profile);
        let password = IntegrityKey::new(secrets.password.as_bytes());
        let username = format!("{}:far", secrets.ufrag);
        let mut transaction = [0; 12];
        transaction[..4].copy_from_slice(&number.to_be_bytes());
        let check = burrow_packet::stun::connectivity_check(
            username.as_bytes(),
            &password,
            0x6e00_01ff,
            true,
            transaction,
        );
        let length = "the keys have the profile's length";
        Self {
            address: Ipv4Addr::from_bits(FIRST_ADDRESS.to_bits() + number),
            check,
            index: 0,
            transport_cc: 0,
            ssrc: secrets.ingress_ssrc,
            sender: Sender::new(profile, &secrets.ingress).expect(length),
            receiver: Receiver::new(profile, &secrets.egress).expect(length),
        }
    }
}
