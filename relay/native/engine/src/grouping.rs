//! Orders a batch so that packets to one address go to the kernel as one message.
//!
//! Video comes in trains of packets of one flow; with UDP_SEGMENT the kernel's path is walked once for
//! a train. The order among packets to one address never changes.

use burrow_packet::remote::Remote;

use crate::sys::{MAX_SEGMENTS, MAX_SEND, Message};

/// Largest sum of a message's segments: the longest UDP datagram, less an IPv6 header.
const MAX_MESSAGE_LEN: usize = 65_000;
const TABLE: usize = 256;
const NONE: u8 = 0xff;

/// A packet to be sent.
#[derive(Clone, Copy)]
pub struct Out {
    /// Where to.
    pub to: Remote,
    /// Whose packet it is.
    pub from: Remote,
    /// In which buffer: a slot of the inbox, or [`SPARE`].
    pub slot: usize,
    /// Where in it.
    pub start: usize,
    /// How long.
    pub len: usize,
}

/// The buffer for what did not fit into its slot.
pub const SPARE: usize = usize::MAX;

/// The plan of a sending: which packets in which order, and how they are put together.
pub struct Grouping {
    /// Places of packets in the order of sending.
    pub order: Vec<usize>,
    /// What to send: runs of `order`.
    pub messages: Vec<Message>,
    table: [u8; TABLE],
    next: [u8; MAX_SEND],
    /// First and last packet of each address.
    groups: Vec<(u8, u8)>,
}

impl Grouping {
    /// Nothing planned.
    pub fn new() -> Self {
        Self {
            order: Vec::with_capacity(MAX_SEND),
            messages: Vec::with_capacity(MAX_SEND),
            table: [NONE; TABLE],
            next: [NONE; MAX_SEND],
            groups: Vec::with_capacity(MAX_SEND),
        }
    }

    /// Plans the sending of at most [`MAX_SEND`] packets, with or without segmentation.
    pub fn plan(&mut self, packets: &[Out], segmentation: bool) {
        self.order.clear();
        self.messages.clear();
        if segmentation {
            self.group(packets);
        } else {
            for (at, packet) in packets.iter().enumerate() {
                self.order.push(at);
                self.messages.push(Message { to: packet.to, first: at, count: 1, source: None });
            }
        }
        // One call serves one socket.
        if packets.windows(2).any(|pair| pair[0].to.local() != pair[1].to.local()) {
            self.messages.sort_unstable_by_key(|message| (message.to.local(), message.first));
        }
    }

    fn group(&mut self, packets: &[Out]) {
        self.table.fill(NONE);
        self.groups.clear();
        for (at, packet) in packets.iter().enumerate() {
            self.next[at] = NONE;
            let mut place = packet.to.spread() % TABLE;
            loop {
                let group = self.table[place];
                if group == NONE {
                    self.table[place] = self.groups.len() as u8;
                    self.groups.push((at as u8, at as u8));
                    break;
                }
                let (first, last) = &mut self.groups[usize::from(group)];
                if packets[usize::from(*first)].to == packet.to {
                    self.next[usize::from(*last)] = at as u8;
                    *last = at as u8;
                    break;
                }
                place = (place + 1) % TABLE;
            }
        }
        for &(first, _) in &self.groups {
            let mut run = Run::default();
            let mut at = first;
            while at != NONE {
                let packet = &packets[usize::from(at)];
                if !run.takes(packet.len) {
                    self.messages.push(Message {
                        to: packet.to,
                        first: self.order.len(),
                        count: 0,
                        source: None,
                    });
                    run = Run { segment: packet.len, ..Run::default() };
                }
                run.add(packet.len);
                self.order.push(usize::from(at));
                if let Some(message) = self.messages.last_mut() {
                    message.count += 1;
                }
                at = self.next[usize::from(at)];
            }
        }
    }
}

/// A message in the making.
#[derive(Default)]
struct Run {
    segment: usize,
    count: usize,
    len: usize,
    ended: bool,
}

impl Run {
    /// All segments have the first one's length, but the last may be shorter.
    fn takes(&self, len: usize) -> bool {
        self.count > 0
            && !self.ended
            && len <= self.segment
            && self.count < MAX_SEGMENTS
            && self.len + len <= MAX_MESSAGE_LEN
    }

    fn add(&mut self, len: usize) {
        self.ended = len < self.segment;
        self.count += 1;
        self.len += len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(port: u16, len: usize) -> Out {
        let remote = |port| Remote::new(0, ([192, 0, 2, 1], port).into());
        Out { to: remote(port), from: remote(1), slot: 0, start: 0, len }
    }

    fn plan(packets: &[Out], segmentation: bool) -> Vec<Vec<usize>> {
        let mut grouping = Grouping::new();
        grouping.plan(packets, segmentation);
        let runs = grouping
            .messages
            .iter()
            .map(|message| grouping.order[message.first..message.first + message.count].to_vec());
        runs.collect()
    }

    #[test]
    fn trains_are_put_together_in_order() {
        let packets = [out(1, 100), out(2, 100), out(1, 100), out(1, 60), out(1, 100), out(2, 120)];
        assert_eq!(plan(&packets, true), [vec![0, 2, 3], vec![4], vec![1], vec![5]]);
        assert_eq!(plan(&packets, false).len(), 6);
    }

    #[test]
    fn messages_are_bounded() {
        let many = vec![out(1, 1200); MAX_SEND];
        let runs = plan(&many, true);
        assert!(runs.iter().all(|run| run.len() * 1200 <= MAX_MESSAGE_LEN));
        assert_eq!(runs.concat(), (0..MAX_SEND).collect::<Vec<_>>());
        let small = vec![out(1, 100); MAX_SEND];
        assert_eq!(plan(&small, true).iter().map(Vec::len).collect::<Vec<_>>(), [64, 64]);
    }

    #[test]
    fn every_packet_goes_once_whatever_the_addresses() {
        let packets: Vec<_> = (0..MAX_SEND).map(|at| out(at as u16 * 256, 100)).collect();
        let mut sent = plan(&packets, true).concat();
        sent.sort_unstable();
        assert_eq!(sent, (0..MAX_SEND).collect::<Vec<_>>());
    }
}
