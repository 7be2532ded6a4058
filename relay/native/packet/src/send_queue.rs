//! What waits for a TCP connection that does not keep up: bounded, and old video goes first (section 9).

use std::collections::VecDeque;

type Waiting = (u64, Vec<u8>);
/// SSRC and timestamp, which all packets of a frame share.
pub type FrameId = [u8; 8];

/// Datagrams leave in the order in which they came; at most so many octets of them wait.
///
/// For one that does not fit the oldest video frame goes, whole, also what of it is still to come; then
/// the next. When no video is left the oldest audio packet goes, then the oldest of the rest.
pub struct SendQueue {
    most: usize,
    frames: VecDeque<(FrameId, VecDeque<Waiting>)>,
    audio: VecDeque<Waiting>,
    control: VecDeque<Waiting>,
    /// The frame dropped last.
    broken: Option<FrameId>,
    next: u64,
    octets: usize,
}

/// What a datagram is, for the order of dropping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A packet of this frame.
    Video(FrameId),
    /// Any other RTP.
    Audio,
    /// STUN, DTLS, RTCP.
    Control,
}

impl SendQueue {
    /// Lets `most` octets wait.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            frames: VecDeque::new(),
            audio: VecDeque::new(),
            control: VecDeque::new(),
            broken: None,
            next: 0,
            octets: 0,
        }
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.octets == 0
    }

    /// Lets a datagram wait; returns how many were dropped for it, itself included.
    pub fn add(&mut self, datagram: &[u8], class: Class) -> u64 {
        if let Class::Video(frame) = class
            && self.broken == Some(frame)
        {
            return 1;
        }
        let dropped = self.make_room(datagram.len());
        self.next += 1;
        let waiting = (self.next, datagram.to_vec());
        match class {
            Class::Audio => self.audio.push_back(waiting),
            Class::Control => self.control.push_back(waiting),
            Class::Video(frame) if self.broken == Some(frame) => return dropped + 1,
            Class::Video(frame) => match self.frames.iter_mut().rev().find(|(other, _)| *other == frame) {
                Some((_, packets)) => packets.push_back(waiting),
                None => self.frames.push_back((frame, VecDeque::from([waiting]))),
            },
        }
        self.octets += datagram.len();
        dropped
    }

    /// The datagram that came first.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        let head = |queue: &VecDeque<Waiting>| queue.front().map(|(order, _)| *order);
        let video = self.frames.front().and_then(|(_, packets)| head(packets));
        let heads = [head(&self.control), head(&self.audio), video];
        let first = heads.into_iter().flatten().min()?;
        let queue = if heads[0] == Some(first) {
            &mut self.control
        } else if heads[1] == Some(first) {
            &mut self.audio
        } else {
            &mut self.frames.front_mut()?.1
        };
        let (_, datagram) = queue.pop_front()?;
        self.octets -= datagram.len();
        if self.frames.front().is_some_and(|(_, packets)| packets.is_empty()) {
            self.frames.pop_front();
        }
        Some(datagram)
    }

    fn make_room(&mut self, size: usize) -> u64 {
        let mut dropped = 0;
        while self.octets + size > self.most {
            let packets = if let Some((frame, packets)) = self.frames.pop_front() {
                self.broken = Some(frame);
                packets
            } else if let Some(oldest) = self.audio.pop_front().or_else(|| self.control.pop_front()) {
                VecDeque::from([oldest])
            } else {
                // A datagram larger than the whole queue: it waits alone.
                break;
            };
            self.octets -= packets.iter().map(|(_, datagram)| datagram.len()).sum::<usize>();
            dropped += packets.len() as u64;
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn frame(number: u8) -> Class {
        Class::Video([number; 8])
    }

    #[test]
    fn order_is_kept_while_there_is_room() {
        let mut queue = SendQueue::new(1000);
        for (number, class) in
            [frame(1), Class::Audio, Class::Control, frame(1), frame(2)].into_iter().enumerate()
        {
            assert_eq!(queue.add(&[number as u8; 10], class), 0);
        }
        let order: Vec<u8> = std::iter::from_fn(|| queue.take()).map(|datagram| datagram[0]).collect();
        assert!(queue.is_empty());
        assert_eq!(order.len(), 5);
        assert_eq!(order[..3], [0, 1, 2]);
    }

    #[test]
    fn whole_frames_go_first_then_audio_then_the_rest() {
        let mut queue = SendQueue::new(100);
        for class in [frame(1), frame(1), frame(2), Class::Audio, Class::Control] {
            assert_eq!(queue.add(&[0; 20], class), 0);
        }
        assert_eq!(queue.add(&[1; 20], frame(3)), 2, "the oldest frame");
        assert_eq!(queue.add(&[1; 20], frame(1)), 1, "what is still to come of it");
        assert_eq!(queue.add(&[2; 100], Class::Control), 4, "all that waits");
        assert_eq!(queue.take().map(|datagram| datagram[0]), Some(2));
        assert_eq!(queue.take(), None);
    }
}
