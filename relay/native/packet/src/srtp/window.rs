//! Replay protection by a sliding window (RFC 3711 section 3.3.2).

/// Which of the last `64 * (WORDS - 1)` indices were received. The window is a ring of words, so that
/// moving it on touches only the words that it passes; the one word more is the one being filled.
#[derive(Clone)]
pub struct Window<const WORDS: usize> {
    highest: u64,
    seen: [u64; WORDS],
}

/// The window of SRTP: 1,024 packets.
pub type RtpWindow = Window<17>;
/// The window of SRTCP: 128 packets.
pub type RtcpWindow = Window<3>;

impl<const WORDS: usize> Window<WORDS> {
    const BITS: u64 = 64 * (WORDS as u64 - 1);

    /// A window whose only received index is `first`.
    #[must_use]
    pub fn starting_at(first: u64) -> Self {
        let mut window = Self { highest: first, seen: [0; WORDS] };
        window.mark(first);
        window
    }

    /// The highest index received.
    #[must_use]
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// Whether `index` is new and not older than the window.
    #[must_use]
    pub fn is_new(&self, index: u64) -> bool {
        if index > self.highest {
            return true;
        }
        self.highest - index < Self::BITS && self.seen[Self::word(index)] & Self::bit(index) == 0
    }

    /// Records an index for which [`Window::is_new`] was true.
    pub fn record(&mut self, index: u64) {
        if index > self.highest {
            let passed = (index / 64 - self.highest / 64).min(WORDS as u64);
            for step in 0..passed {
                self.seen[Self::word(index - 64 * step)] = 0;
            }
            self.highest = index;
        }
        self.mark(index);
    }

    fn mark(&mut self, index: u64) {
        self.seen[Self::word(index)] |= Self::bit(index);
    }

    fn word(index: u64) -> usize {
        (index / 64 % WORDS as u64) as usize
    }

    fn bit(index: u64) -> u64 {
        1 << (index % 64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        /// Against the definition: new means higher than the highest, or within the window and not
        /// yet seen.
        #[test]
        fn agrees_with_the_definition(steps in prop::collection::vec(-200_i64..300, 1..400)) {
            let mut at = 1_000_000_u64;
            let mut window = RtcpWindow::starting_at(at);
            let (mut seen, mut highest) = (HashSet::from([at]), at);
            for step in steps {
                at = at.saturating_add_signed(step);
                let expected = at > highest || (highest - at < 128 && !seen.contains(&at));
                prop_assert_eq!(window.is_new(at), expected, "{} of {}", at, highest);
                if expected {
                    window.record(at);
                    seen.insert(at);
                    highest = highest.max(at);
                }
            }
        }
    }
}
