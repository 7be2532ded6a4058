//! Framing of datagrams on a TCP connection (RFC 4571, RFC 6544): each behind its length in two octets.

/// Octets of the length.
pub const HEADER_LEN: usize = 2;

/// Takes a stream apart into datagrams. It buffers one incomplete datagram and never more than its
/// bound: a peer that announces a longer one is not an ICE peer.
pub struct Deframer {
    partial: Vec<u8>,
    longest: usize,
}

/// A datagram, and what follows it in the stream.
type Frame<'a> = (&'a [u8], &'a [u8]);

/// A frame is longer than the bound: the connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameTooLong;

impl Deframer {
    /// Takes datagrams of at most `longest` octets.
    #[must_use]
    pub fn new(longest: usize) -> Self {
        Self { partial: Vec::new(), longest }
    }

    /// Takes what was read, and gives each datagram that is complete to `datagram`, in order.
    ///
    /// # Errors
    /// [`FrameTooLong`]; what follows is not to be read.
    pub fn read(&mut self, mut octets: &[u8], mut datagram: impl FnMut(&[u8])) -> Result<(), FrameTooLong> {
        while !octets.is_empty() {
            if self.partial.is_empty()
                && let Some((frame, rest)) = self.whole(octets)?
            {
                datagram(frame);
                octets = rest;
                continue;
            }
            let missing = self.missing()?;
            let (taken, rest) = octets.split_at(missing.min(octets.len()));
            self.partial.extend_from_slice(taken);
            octets = rest;
            if self.missing()? == 0 {
                datagram(&self.partial[HEADER_LEN..]);
                self.partial.clear();
            }
        }
        Ok(())
    }

    /// The frame at the beginning of `octets`, without a copy, if it is whole.
    fn whole<'a>(&self, octets: &'a [u8]) -> Result<Option<Frame<'a>>, FrameTooLong> {
        let Some((header, rest)) = octets.split_first_chunk::<HEADER_LEN>() else { return Ok(None) };
        let len = self.check(*header)?;
        Ok(rest.split_at_checked(len))
    }

    /// How many octets the partial frame lacks: of its length first, then of itself.
    fn missing(&self) -> Result<usize, FrameTooLong> {
        let Some((header, rest)) = self.partial.split_first_chunk::<HEADER_LEN>() else {
            return Ok(HEADER_LEN - self.partial.len());
        };
        Ok(self.check(*header)? - rest.len())
    }

    fn check(&self, header: [u8; HEADER_LEN]) -> Result<usize, FrameTooLong> {
        let len = usize::from(u16::from_be_bytes(header));
        if len > self.longest { Err(FrameTooLong) } else { Ok(len) }
    }
}

/// The header of a datagram's frame. `None`: the datagram is longer than a frame can be.
#[must_use]
pub fn header(datagram: &[u8]) -> Option<[u8; HEADER_LEN]> {
    Some(u16::try_from(datagram.len()).ok()?.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// However the stream is cut, the datagrams come out whole and in order.
        #[test]
        fn cuts_do_not_matter(
            datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..20),
            cuts in prop::collection::vec(1_usize..40, 1..100),
        ) {
            let mut stream = Vec::new();
            for datagram in &datagrams {
                stream.extend(header(datagram).unwrap());
                stream.extend(datagram);
            }
            let mut deframer = Deframer::new(50);
            let (mut out, mut rest) = (Vec::new(), &stream[..]);
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                deframer.read(now, |datagram| out.push(datagram.to_vec())).unwrap();
                rest = later;
            }
            prop_assert_eq!(out, datagrams);
        }
    }

    #[test]
    fn frames_are_bounded() {
        let mut deframer = Deframer::new(10);
        assert_eq!(deframer.read(&[0, 11], |_| ()), Err(FrameTooLong));
        let mut deframer = Deframer::new(10);
        deframer.read(&[0], |_| ()).unwrap();
        assert_eq!(deframer.read(&[11, 1], |_| ()), Err(FrameTooLong));
    }
}
