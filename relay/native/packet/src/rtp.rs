//! The RTP header and its extensions (RFC 3550 section 5.1, RFC 8285).

/// Octets before the CSRCs.
pub const FIXED_LEN: usize = 12;

/// The header of a packet: its fields, and where its parts lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpHeader {
    /// The last octet of the packet counts padding.
    pub padding: bool,
    /// 0 to 127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp in units of the clock rate.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Octets before the payload.
    pub len: usize,
    extension: Option<Extension>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extension {
    profile: u16,
    start: usize,
}

/// What the relay reads of the extensions: where the value of each starts, and how long it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// The MID (RFC 9143 section 15).
    pub mid: Option<(usize, usize)>,
    /// The transport-wide sequence number, always two octets.
    pub transport_cc: Option<usize>,
}

impl RtpHeader {
    /// Parses the header of `packet`. `None` when it is shorter than its own header, of another
    /// version, or its CSRC or extension length passes the end.
    #[must_use]
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let (fixed, _) = packet.split_first_chunk::<FIXED_LEN>()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let mut len = FIXED_LEN + 4 * usize::from(fixed[0] & 0x0f);
        let mut extension = None;
        if fixed[0] & 0x10 != 0 {
            let &[p0, p1, l0, l1] = packet.get(len..len + 4)? else { return None };
            extension = Some(Extension { profile: u16::from_be_bytes([p0, p1]), start: len + 4 });
            len += 4 + 4 * usize::from(u16::from_be_bytes([l0, l1]));
        }
        if len > packet.len() {
            return None;
        }
        Some(Self {
            padding: fixed[0] & 0x20 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            len,
            extension,
        })
    }

    /// Finds the two extensions that the relay reads, of the one-byte or the two-byte form. An
    /// element that passes the end of the block ends it; id 0 disables an extension.
    #[must_use]
    pub fn extensions(&self, packet: &[u8], mid_id: u8, transport_cc_id: u8) -> Extensions {
        let mut found = Extensions::default();
        let Some(Extension { profile, start }) = self.extension else { return found };
        let two_byte = match profile {
            0xBEDE => false,
            profile if profile & 0xfff0 == 0x1000 => true,
            _ => return found,
        };
        let mut at = start;
        while at < self.len {
            let first = packet[at];
            // Padding is one zero octet, in both forms.
            if first == 0 {
                at += 1;
                continue;
            }
            let (id, length, value) = if two_byte {
                if at + 1 >= self.len {
                    break;
                }
                (first, usize::from(packet[at + 1]), at + 2)
            } else {
                // RFC 8285 section 4.2: id 15 ends the block.
                if first >> 4 == 15 {
                    break;
                }
                (first >> 4, usize::from(first & 0x0f) + 1, at + 1)
            };
            if value + length > self.len {
                break;
            }
            if id == mid_id && id != 0 && found.mid.is_none() {
                found.mid = Some((value, length));
            } else if id == transport_cc_id && id != 0 && length == 2 && found.transport_cc.is_none() {
                found.transport_cc = Some(value);
            }
            at = value + length;
        }
        found
    }

    /// The octets of payload without padding, of a packet of `packet_len` octets. `None` when the
    /// padding is zero or longer than the payload.
    #[must_use]
    pub fn payload_len(&self, packet: &[u8]) -> Option<usize> {
        let payload = packet.len() - self.len;
        if !self.padding {
            return Some(payload);
        }
        let padding = usize::from(*packet.last()?);
        if padding == 0 { None } else { payload.checked_sub(padding) }
    }
}

/// Overwrites the fields that differ from leg to leg.
pub fn rewrite(packet: &mut [u8], sequence: u16, timestamp: u32, ssrc: u32) {
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
    packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(first: u8, rest: &[u8]) -> Vec<u8> {
        let mut packet = vec![first, 0xe0, 0x12, 0x34, 0, 0, 0, 9, 0xca, 0xfe, 0xba, 0xbe];
        packet.extend_from_slice(rest);
        packet
    }

    #[test]
    fn the_fixed_header() {
        let packet = packet(0x80, b"payload");
        let header = RtpHeader::parse(&packet).unwrap();
        assert_eq!((header.payload_type, header.sequence, header.timestamp), (0x60, 0x1234, 9));
        assert_eq!((header.ssrc, header.len, header.padding), (0xcafe_babe, 12, false));
        assert_eq!(header.payload_len(&packet), Some(7));
    }

    #[test]
    fn lengths_that_pass_the_end() {
        assert!(RtpHeader::parse(&packet(0x80, &[])[..11]).is_none());
        assert!(RtpHeader::parse(&packet(0x82, &[0; 7])).is_none(), "CSRCs");
        assert!(RtpHeader::parse(&packet(0x90, &[0xbe, 0xde, 0])).is_none(), "extension header");
        assert!(RtpHeader::parse(&packet(0x90, &[0xbe, 0xde, 0, 1])).is_none(), "extension");
        assert!(RtpHeader::parse(&packet(0x40, &[])).is_none(), "version");
    }

    #[test]
    fn both_forms_of_extensions_behind_csrcs() {
        let one = packet(0x91, &[1, 2, 3, 4, 0xbe, 0xde, 0, 2, 0x10, b'0', 0, 0x31, 7, 8, 0, 0, 99]);
        let header = RtpHeader::parse(&one).unwrap();
        let found = header.extensions(&one, 1, 3);
        assert_eq!(found, Extensions { mid: Some((21, 1)), transport_cc: Some(24) });
        assert_eq!((one[21], &one[24..26]), (b'0', &[7, 8][..]));
        let two = packet(0x90, &[0x10, 0x05, 0, 2, 1, 1, b'1', 0, 3, 2, 7, 8]);
        let header = RtpHeader::parse(&two).unwrap();
        assert_eq!(header.extensions(&two, 1, 3), Extensions { mid: Some((18, 1)), transport_cc: Some(22) });
    }

    #[test]
    fn extensions_that_lie_are_ignored() {
        let passes = packet(0x90, &[0xbe, 0xde, 0, 1, 0x1f, b'0', 0, 0]);
        let header = RtpHeader::parse(&passes).unwrap();
        assert_eq!(header.extensions(&passes, 1, 3), Extensions::default());
        let stopped = packet(0x90, &[0xbe, 0xde, 0, 1, 0xf0, 0x10, b'0', 0]);
        let header = RtpHeader::parse(&stopped).unwrap();
        assert_eq!(header.extensions(&stopped, 1, 3), Extensions::default());
        let long = packet(0x90, &[0xbe, 0xde, 0, 1, 0x32, 7, 8, 9]);
        let header = RtpHeader::parse(&long).unwrap();
        assert_eq!(header.extensions(&long, 1, 3).transport_cc, None);
    }

    #[test]
    fn padding() {
        for (payload, expected) in [
            (&[1, 2, 3, 2][..], Some(2)),
            (&[1, 2, 3, 4], Some(0)),
            (&[1, 2, 3, 5], None),
            (&[1, 2, 3, 0], None),
        ] {
            let packet = packet(0xa0, payload);
            assert_eq!(RtpHeader::parse(&packet).unwrap().payload_len(&packet), expected);
        }
    }
}
