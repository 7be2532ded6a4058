//! Where the state of a coming packet lies in memory.
//!
//! With thousands of legs each packet's state has left the core's own caches when the next packet of its
//! leg comes, and fetching it costs more than the cryptography. A batch tells which legs come next, so a
//! caller that may issue prefetches (that is not this crate: it has no unsafe code) fetches the state of
//! a later packet while an earlier one is worked on, in stages, because a pointer must have arrived before
//! what it points to can be fetched.

use crate::egress::Egress;
use crate::ingress::Ingress;
use crate::leg::Leg;

/// A stretch of memory. It is only ever a hint: it may be gone when it is used.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Its beginning.
    pub start: *const u8,
    /// Octets.
    pub len: usize,
}

impl Default for Span {
    fn default() -> Self {
        Self { start: std::ptr::null(), len: 0 }
    }
}

impl Span {
    /// The first `most` items of a slice.
    pub(crate) fn of<T>(items: &[T], most: usize) -> Self {
        Self { start: items.as_ptr().cast(), len: size_of::<T>() * items.len().min(most) }
    }
}

/// What there is to fetch at one stage.
pub type Spans = [Span; 3];

/// How far ahead: each stage needs what the one before it fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The sender's half.
    Sender,
    /// What that points to, and the receiver's half.
    Receiver,
    /// What the receiver's half points to.
    Streams,
}

/// The hot parts of both halves, which begin with all that a packet needs: up to and with the keys of
/// AES-128-GCM, the profile of nearly all legs.
const INGRESS_LEN: usize = std::mem::offset_of!(Ingress, srtp) + HOT_KEY_LEN;
const EGRESS_LEN: usize = std::mem::offset_of!(Egress, srtp) + HOT_KEY_LEN;
const HOT_KEY_LEN: usize = 600;

impl Leg {
    pub(crate) fn look_ahead(&self, stage: Stage) -> Spans {
        let mut spans = Spans::default();
        if stage == Stage::Sender {
            spans[0] = Span { start: self.ingress.data_ptr().cast(), len: INGRESS_LEN };
            return spans;
        }
        // A half that is in use is being fetched by who uses it.
        let Some(ingress) = self.ingress.try_lock() else { return spans };
        let Some(peer) = &ingress.peer else { return spans };
        if stage == Stage::Receiver {
            spans[0] = Span { start: peer.egress.data_ptr().cast(), len: EGRESS_LEN };
            spans[1] = Span::of(&ingress.tracks, 1);
            if let Some(receiver) = &ingress.srtp {
                spans[2] = receiver.span();
            }
        } else if let Some(egress) = peer.egress.try_lock() {
            if let Some(direction) = &egress.direction {
                [spans[0], spans[1]] = direction.spans();
            }
            spans[2] = Span::of(&egress.tracks, 1);
        }
        spans
    }
}
