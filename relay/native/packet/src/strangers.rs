//! How many connections that have not proved anything are open (section 9).

use std::collections::HashMap;

/// Counts them, in all and by address prefix.
pub struct Strangers {
    most: usize,
    most_per_prefix: usize,
    open: HashMap<u128, usize>,
    count: usize,
}

impl Strangers {
    /// At most `most`, and `most_per_prefix` of one prefix.
    #[must_use]
    pub fn new(most: usize, most_per_prefix: usize) -> Self {
        Self { most, most_per_prefix, open: HashMap::new(), count: 0 }
    }

    /// Whether one more of `prefix` may come in; it counts until [`Strangers::leave`].
    pub fn admit(&mut self, prefix: u128) -> bool {
        let there = self.open.get(&prefix).copied().unwrap_or(0);
        if self.count >= self.most || there >= self.most_per_prefix {
            return false;
        }
        self.open.insert(prefix, there + 1);
        self.count += 1;
        true
    }

    /// One that was admitted has proved itself or is gone.
    pub fn leave(&mut self, prefix: u128) {
        self.count = self.count.saturating_sub(1);
        if let Some(there) = self.open.get_mut(&prefix) {
            *there -= 1;
            if *there == 0 {
                self.open.remove(&prefix);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bounds_hold_and_places_come_back() {
        let mut strangers = Strangers::new(3, 2);
        assert!(strangers.admit(1) && strangers.admit(1) && !strangers.admit(1));
        assert!(strangers.admit(2) && !strangers.admit(3));
        strangers.leave(1);
        assert!(strangers.admit(3) && !strangers.admit(1));
        for prefix in [1, 2, 3] {
            strangers.leave(prefix);
        }
        assert!(strangers.open.is_empty());
    }
}
