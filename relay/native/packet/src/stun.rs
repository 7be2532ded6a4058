//! STUN as an ICE-lite responder needs it: parsing hostile datagrams, building two kinds of answer
//! (RFC 8489, RFC 8445).

use std::net::{IpAddr, SocketAddr};

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

const MAGIC_COOKIE: [u8; 4] = 0x2112_A442_u32.to_be_bytes();
const FINGERPRINT_XOR: u32 = 0x5354_554E;
const HEADER_LEN: usize = 20;
const BINDING: u16 = 0x0001;
const CLASS_BITS: u16 = 0x0110;
const INTEGRITY_LEN: usize = 20;

/// Longest answer this module builds: XOR-MAPPED-ADDRESS of IPv6, MESSAGE-INTEGRITY, FINGERPRINT.
pub const MAX_ANSWER_LEN: usize = HEADER_LEN + 24 + 24 + 8;

mod attribute {
    pub const USERNAME: u16 = 0x0006;
    pub const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub const ERROR_CODE: u16 = 0x0009;
    pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub const PRIORITY: u16 = 0x0024;
    pub const USE_CANDIDATE: u16 = 0x0025;
    pub const FINGERPRINT: u16 = 0x8028;
    pub const ICE_CONTROLLED: u16 = 0x8029;
}

/// What a message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StunClass {
    /// A Binding request: to be answered.
    BindingRequest,
    /// A Binding indication: a keep-alive.
    BindingIndication,
    /// Anything else.
    Other,
}

/// The datagram is not STUN, or breaks its rules (RFC 8489 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StunMalformed;

/// A parsed message, borrowing the datagram.
#[derive(Clone, Copy, Debug)]
pub struct StunMessage<'a> {
    datagram: &'a [u8],
    /// What it asks for.
    pub class: StunClass,
    /// The username, `local:remote` in a connectivity check.
    pub username: Option<&'a [u8]>,
    /// The candidate's priority; 0 when the attribute is missing.
    pub priority: u32,
    /// The check nominates its pair.
    pub use_candidate: bool,
    /// The sender takes the controlled role, which is the relay's.
    pub ice_controlled: bool,
    /// A right FINGERPRINT was there.
    pub fingerprint: bool,
    integrity_at: Option<usize>,
}

impl<'a> StunMessage<'a> {
    /// Parses a datagram and checks its FINGERPRINT, but not its integrity.
    ///
    /// # Errors
    /// [`StunMalformed`]; nothing is said about why, since nobody is told.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, StunMalformed> {
        let (header, _) = datagram.split_first_chunk::<HEADER_LEN>().ok_or(StunMalformed)?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if header[0] > 3 || header[4..8] != MAGIC_COOKIE || !datagram.len().is_multiple_of(4) {
            return Err(StunMalformed);
        }
        let kind = u16::from_be_bytes([header[0], header[1]]);
        let mut message = Self {
            datagram,
            class: match kind {
                0x0001 => StunClass::BindingRequest,
                0x0011 => StunClass::BindingIndication,
                _ => StunClass::Other,
            },
            username: None,
            priority: 0,
            use_candidate: false,
            ice_controlled: false,
            fingerprint: false,
            integrity_at: None,
        };
        // What a method other than Binding may carry is not for this parser to say.
        if kind & !CLASS_BITS == BINDING {
            if HEADER_LEN + length != datagram.len() {
                return Err(StunMalformed);
            }
            message.read_attributes()?;
        }
        Ok(message)
    }

    fn read_attributes(&mut self) -> Result<(), StunMalformed> {
        let datagram = self.datagram;
        let mut at = HEADER_LEN;
        while at < datagram.len() {
            let Some(&[t0, t1, l0, l1]) = datagram.get(at..at + 4) else {
                return Err(StunMalformed);
            };
            let kind = u16::from_be_bytes([t0, t1]);
            let length = usize::from(u16::from_be_bytes([l0, l1]));
            let value = datagram.get(at + 4..at + 4 + length).ok_or(StunMalformed)?;
            let next = at + 4 + length.next_multiple_of(4);
            if next > datagram.len() {
                return Err(StunMalformed);
            }
            match kind {
                attribute::FINGERPRINT => {
                    // RFC 8489 section 14.7: it is the last attribute and covers all before it.
                    let value: [u8; 4] = value.try_into().map_err(|_| StunMalformed)?;
                    if next != datagram.len()
                        || u32::from_be_bytes(value) != crc32fast::hash(&datagram[..at]) ^ FINGERPRINT_XOR
                    {
                        return Err(StunMalformed);
                    }
                    self.fingerprint = true;
                }
                // Whatever else follows the integrity is not covered by it (section 14.5).
                _ if self.integrity_at.is_some() => {}
                attribute::MESSAGE_INTEGRITY => {
                    if length != INTEGRITY_LEN {
                        return Err(StunMalformed);
                    }
                    self.integrity_at = Some(at);
                }
                attribute::USERNAME if self.username.is_none() => self.username = Some(value),
                attribute::PRIORITY => {
                    self.priority = u32::from_be_bytes(value.try_into().map_err(|_| StunMalformed)?);
                }
                attribute::USE_CANDIDATE => self.use_candidate = true,
                attribute::ICE_CONTROLLED => self.ice_controlled = true,
                _ => {}
            }
            at = next;
        }
        Ok(())
    }

    /// The relay's own part of the username, before the colon.
    #[must_use]
    pub fn local_ufrag(&self) -> Option<&'a [u8]> {
        let username = self.username?;
        let colon = username.iter().position(|&octet| octet == b':')?;
        Some(&username[..colon])
    }

    /// Whether MESSAGE-INTEGRITY is there and made with `password`. Compares in constant time.
    #[must_use]
    pub fn has_integrity(&self, password: &IntegrityKey) -> bool {
        let Some(at) = self.integrity_at else { return false };
        let mac = password.mac_of(self.datagram, at);
        mac.verify_slice(&self.datagram[at + 4..at + 4 + INTEGRITY_LEN]).is_ok()
    }

    /// Writes the success answer into `out` and returns its length. MESSAGE-INTEGRITY is added with
    /// a key; FINGERPRINT with a key, or when the request had one.
    pub fn success(
        &self,
        mapped: SocketAddr,
        key: Option<&IntegrityKey>,
        out: &mut [u8; MAX_ANSWER_LEN],
    ) -> usize {
        let mut answer = Answer::new(out, 0x0101, &self.datagram[4..HEADER_LEN]);
        answer.xor_mapped_address(mapped);
        if let Some(key) = key {
            answer.integrity(key);
        }
        if key.is_some() || self.fingerprint {
            answer.fingerprint();
        }
        answer.len
    }

    /// Writes the answer 487 (Role Conflict, RFC 8445 section 7.3.1.1) and returns its length.
    pub fn role_conflict(&self, key: &IntegrityKey, out: &mut [u8; MAX_ANSWER_LEN]) -> usize {
        let mut answer = Answer::new(out, 0x0111, &self.datagram[4..HEADER_LEN]);
        // Class 4, number 87, and no reason phrase.
        answer.attribute(attribute::ERROR_CODE, &[0, 0, 4, 87]);
        answer.integrity(key);
        answer.fingerprint();
        answer.len
    }
}

/// A password ready for MESSAGE-INTEGRITY: the key is expanded once, not for each check.
#[derive(Clone)]
pub struct IntegrityKey(Hmac<Sha1>);

impl IntegrityKey {
    /// From a short-term password (RFC 8489 section 9.1.1).
    ///
    /// # Panics
    /// Never: HMAC takes keys of every length (RFC 2104).
    #[must_use]
    pub fn new(password: &[u8]) -> Self {
        Self(Hmac::new_from_slice(password).expect("HMAC takes keys of every length"))
    }

    /// Over the message before `at`, with the length that ends after MESSAGE-INTEGRITY.
    fn mac_of(&self, message: &[u8], at: usize) -> Hmac<Sha1> {
        let mut mac = self.0.clone();
        mac.update(&message[..2]);
        mac.update(&((at + 4 + INTEGRITY_LEN - HEADER_LEN) as u16).to_be_bytes());
        mac.update(&message[4..at]);
        mac
    }
}

/// A connectivity check as a browser sends it: for the load generator and for tests.
#[must_use]
pub fn connectivity_check(
    username: &[u8],
    password: &IntegrityKey,
    priority: u32,
    nominate: bool,
    transaction: [u8; 12],
) -> Vec<u8> {
    let mut message = vec![0, 1, 0, 0];
    message.extend(MAGIC_COOKIE);
    message.extend(transaction);
    let mut attribute = |kind: u16, value: &[u8]| {
        message.extend(kind.to_be_bytes());
        message.extend((value.len() as u16).to_be_bytes());
        message.extend(value);
        message.resize(message.len().next_multiple_of(4), 0);
    };
    attribute(attribute::USERNAME, username);
    attribute(attribute::PRIORITY, &priority.to_be_bytes());
    if nominate {
        attribute(attribute::USE_CANDIDATE, &[]);
    }
    let mac = password.mac_of(&message, message.len()).finalize().into_bytes();
    message.extend(attribute::MESSAGE_INTEGRITY.to_be_bytes());
    message.extend((INTEGRITY_LEN as u16).to_be_bytes());
    message.extend(mac);
    let length = (message.len() + 8 - HEADER_LEN) as u16;
    message[2..4].copy_from_slice(&length.to_be_bytes());
    let crc = crc32fast::hash(&message) ^ FINGERPRINT_XOR;
    message.extend(attribute::FINGERPRINT.to_be_bytes());
    message.extend([0, 4]);
    message.extend(crc.to_be_bytes());
    message
}

struct Answer<'a> {
    out: &'a mut [u8; MAX_ANSWER_LEN],
    len: usize,
}

impl<'a> Answer<'a> {
    fn new(out: &'a mut [u8; MAX_ANSWER_LEN], kind: u16, cookie_and_id: &[u8]) -> Self {
        out[..2].copy_from_slice(&kind.to_be_bytes());
        out[4..HEADER_LEN].copy_from_slice(cookie_and_id);
        Self { out, len: HEADER_LEN }
    }

    /// All values built here are multiples of four octets long.
    fn attribute(&mut self, kind: u16, value: &[u8]) {
        let at = self.len;
        self.out[at..at + 2].copy_from_slice(&kind.to_be_bytes());
        self.out[at + 2..at + 4].copy_from_slice(&(value.len() as u16).to_be_bytes());
        self.out[at + 4..at + 4 + value.len()].copy_from_slice(value);
        self.len = at + 4 + value.len();
        self.set_length(self.len);
    }

    fn set_length(&mut self, end: usize) {
        self.out[2..4].copy_from_slice(&((end - HEADER_LEN) as u16).to_be_bytes());
    }

    fn xor_mapped_address(&mut self, mapped: SocketAddr) {
        let mut value = [0; 20];
        let mut pad = [0; 16];
        pad.copy_from_slice(&self.out[4..HEADER_LEN]);
        let port = mapped.port().to_be_bytes();
        value[2] = port[0] ^ pad[0];
        value[3] = port[1] ^ pad[1];
        let length = match mapped.ip() {
            IpAddr::V4(ip) => {
                value[1] = 1;
                value[4..8].copy_from_slice(&ip.octets());
                8
            }
            IpAddr::V6(ip) => {
                value[1] = 2;
                value[4..20].copy_from_slice(&ip.octets());
                20
            }
        };
        for (octet, pad) in value[4..length].iter_mut().zip(pad) {
            *octet ^= pad;
        }
        self.attribute(attribute::XOR_MAPPED_ADDRESS, &value[..length]);
    }

    fn integrity(&mut self, key: &IntegrityKey) {
        let mac = key.mac_of(&self.out[..], self.len).finalize().into_bytes();
        self.attribute(attribute::MESSAGE_INTEGRITY, &mac);
    }

    fn fingerprint(&mut self) {
        self.set_length(self.len + 8);
        let crc = crc32fast::hash(&self.out[..self.len]) ^ FINGERPRINT_XOR;
        self.attribute(attribute::FINGERPRINT, &crc.to_be_bytes());
    }
}

#[cfg(test)]
mod tests;
