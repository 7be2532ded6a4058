//! A worker's thread: read a batch, hand each datagram to the core, send what comes of it.

use std::io::{ErrorKind, IoSlice};
use std::net::UdpSocket;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use burrow_packet::ahead::Stage;
use burrow_packet::drops::Drop as DropReason;
use burrow_packet::ice::Transport;
use burrow_packet::node::Node;
use burrow_packet::remote::Remote;
use burrow_packet::stats::NodeCounters;
use burrow_packet::worker::{Answers, Outcome, Worker};
use burrow_packet::{MILLISECOND, Nanos, SECOND};
use parking_lot::Mutex;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use crate::clock::now;
use crate::engine::Tuning;
use crate::grouping::{Grouping, Out, SPARE};
use crate::histogram::Histogram;
use crate::pace::Pace;
use crate::sys::{Inbox, MAX_READ, MAX_SEGMENTS, MAX_SEND, Message, Outbox, prefetch};
use crate::tcp::Connections;

/// Between two looks at consent and forgotten addresses.
const TICK: Nanos = 100 * MILLISECOND;
/// Longest datagram taken without GRO: more than any path's MTU lets through whole.
const DATAGRAM_LEN: usize = 2048;
/// Validated addresses from which on their state no longer stays in the core's caches.
const PREFETCH_FROM: usize = 400;
/// How many packets ahead each stage of the state is fetched.
const LOOK_AHEAD: [(Stage, usize); 3] = [(Stage::Sender, 6), (Stage::Receiver, 3), (Stage::Streams, 1)];
/// Longest run of datagrams that the kernel gathers.
const GATHERED_LEN: usize = 65_535;

/// What the engine sees of a worker.
pub struct Shared {
    /// Asks the thread to end.
    pub stop: AtomicBool,
    /// Wakes it, to see that.
    pub wake: OwnedFd,
    /// As of the last round.
    pub counters: Arc<Mutex<NodeCounters>>,
    /// Of every packet read.
    pub latency: Histogram,
    /// Rounds that ended in a panic: a bug, that costs the packets of the round and no more.
    pub panics: AtomicU64,
}

impl Shared {
    /// Of a thread that is about to start.
    pub fn new() -> rustix::io::Result<Self> {
        Ok(Self {
            stop: AtomicBool::new(false),
            wake: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
            counters: Arc::default(),
            latency: Histogram::default(),
            panics: AtomicU64::new(0),
        })
    }
}

/// A worker's own state.
pub struct Loop {
    /// Its number: the first one also lets time pass for the legs.
    pub number: usize,
    /// What all workers share.
    pub node: Arc<Node>,
    /// What the engine sees.
    pub shared: Arc<Shared>,
    /// Its socket on each address; behind those, at the first worker, the second STUN port's.
    pub sockets: Arc<Vec<UdpSocket>>,
    /// How many of them are for legs.
    pub for_legs: usize,
    /// Those of ICE-TCP.
    pub connections: Option<Arc<Connections>>,
    /// How it reads and sends.
    pub tuning: Tuning,
}

impl Loop {
    /// Runs until asked to stop.
    pub fn run(&self) {
        let mut path = PacketPath::new(self);
        while !self.shared.stop.load(Ordering::Relaxed) {
            let round = std::panic::AssertUnwindSafe(|| self.rounds(&mut path));
            if std::panic::catch_unwind(round).is_err() {
                self.shared.panics.fetch_add(1, Ordering::Relaxed);
                path.forget_round();
            }
        }
    }

    fn rounds(&self, path: &mut PacketPath) {
        let mut pace = Pace::new(self.tuning.wait, now());
        let mut next_tick = now();
        let mut wait = 0;
        let mut ready = vec![true; self.sockets.len()];
        while !self.shared.stop.load(Ordering::Relaxed) {
            let mut since = now();
            if wait > 0 {
                std::thread::sleep(Duration::from_nanos(wait));
            }
            if wait == 0 || self.sockets.len() > 1 {
                let timeout = if wait == 0 { next_tick.saturating_sub(since) } else { 0 };
                self.poll(&mut ready, timeout);
                since = if wait == 0 { now() } else { since };
            }
            let started = now();
            let before = path.worker.counters.packets_in;
            let (mut packets, mut full) = (0, false);
            for (local, socket) in self.sockets.iter().enumerate().filter(|&(local, _)| ready[local]) {
                let read = path.serve(local as u32, socket, &self.sockets, started);
                packets += read;
                full |= read == MAX_READ;
            }
            if packets > 0 {
                // With GRO several packets come in one message.
                let came = path.worker.counters.packets_in - before;
                self.shared.latency.record(now().saturating_sub(since), came);
                path.counters.lock().clone_from(&path.worker.counters);
            }
            if started >= next_tick {
                next_tick = started + TICK;
                path.worker.tick();
                if self.number == 0 {
                    self.node.tick(started);
                }
            }
            wait = pace.after_reading(packets, full, started);
        }
    }

    /// Waits until a socket has something to read, for `timeout` at most.
    fn poll(&self, ready: &mut [bool], timeout: Nanos) {
        let mut descriptors: [PollFd<'_>; 2 * MAX_ADDRESSES + 1] =
            std::array::from_fn(|_| PollFd::new(&self.shared.wake, PollFlags::IN));
        for (descriptor, socket) in descriptors.iter_mut().zip(self.sockets.iter()) {
            *descriptor = PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN);
        }
        let timeout =
            Timespec { tv_sec: (timeout / SECOND).cast_signed(), tv_nsec: (timeout % SECOND).cast_signed() };
        let descriptors = &mut descriptors[..=self.sockets.len()];
        // An interruption is as good as a time-out: the sockets are looked at again.
        let polled = poll(descriptors, Some(&timeout)).is_ok();
        for (ready, descriptor) in ready.iter_mut().zip(descriptors.iter()) {
            *ready = polled && !descriptor.revents().is_empty();
        }
    }
}

/// Most addresses of a node.
pub const MAX_ADDRESSES: usize = 32;

/// The buffers of a worker beside the core's part of it. Nothing here is allocated per packet.
struct PacketPath {
    worker: Worker,
    inbox: Inbox,
    outbox: Outbox,
    outs: Vec<Out>,
    spare: Vec<u8>,
    answers: Answers,
    grouping: Grouping,
    segmentation: bool,
    counters: Arc<Mutex<NodeCounters>>,
    for_legs: usize,
    connections: Option<Arc<Connections>>,
}

impl PacketPath {
    fn new(of: &Loop) -> Self {
        let tuning = of.tuning;
        Self {
            worker: Worker::new(Arc::clone(&of.node)),
            inbox: Inbox::new(if tuning.gro { GATHERED_LEN } else { DATAGRAM_LEN }),
            outbox: Outbox::new(),
            outs: Vec::with_capacity(MAX_SEND),
            spare: Vec::new(),
            answers: Answers::default(),
            grouping: Grouping::new(),
            segmentation: tuning.gso,
            counters: Arc::clone(&of.shared.counters),
            for_legs: of.for_legs,
            connections: of.connections.clone(),
        }
    }

    fn forget_round(&mut self) {
        self.outs.clear();
        self.spare.clear();
        self.answers.clear();
    }

    /// Reads one batch of a socket and sends what comes of it; returns how many were read.
    fn serve(&mut self, local: u32, socket: &UdpSocket, sockets: &[UdpSocket], now: Nanos) -> usize {
        // An error here is one that a datagram sent earlier has left on the socket (an ICMP answer): it
        // is read away by this, and says nothing about what is there to read.
        let read = self.inbox.read(socket).unwrap_or(0);
        if local as usize >= self.for_legs {
            for at in 0..read {
                if let Some((from, len, _)) = self.inbox.head(at, local) {
                    let datagram = &self.inbox.slot(at)[..len];
                    self.worker.handle_plain(now, from, datagram, &mut self.answers);
                }
            }
            // Nobody may be answered, and the counters are looked at all the same.
            self.send(sockets);
            return read;
        }
        let ahead = self.worker.addresses() > PREFETCH_FROM;
        for at in 0..read {
            if ahead {
                self.look_ahead(at, read, local);
            }
            let Some((from, len, segment)) = self.inbox.head(at, local) else { continue };
            if segment == 0 || len <= segment {
                let whole = self.inbox.slot(at).len();
                self.handle(at, 0..whole, len, from, now);
                continue;
            }
            let mut start = 0;
            while start < len {
                let end = len.min(start + segment);
                self.handle(at, start..end, end - start, from, now);
                start = end;
                if self.outs.len() + MAX_SEGMENTS > MAX_SEND {
                    self.send(sockets);
                }
            }
        }
        self.send(sockets);
        read
    }

    /// Has the state fetched that packets after the one at `at` will need.
    fn look_ahead(&self, at: usize, read: usize, local: u32) {
        for (stage, distance) in LOOK_AHEAD {
            let later = at + distance;
            if later < read
                && let Some((from, ..)) = self.inbox.head(later, local)
            {
                self.worker.look_ahead(from, stage).into_iter().for_each(prefetch);
            }
        }
    }

    /// Hands the core a datagram: `len` octets at the beginning of `room` in slot `at`.
    fn handle(&mut self, at: usize, room: Range<usize>, len: usize, from: Remote, now: Nanos) {
        let start = room.start;
        let buffer = &mut self.inbox.slot_mut(at)[room];
        match self.worker.handle(now, from, buffer, len, &mut self.answers) {
            Outcome::Done => {}
            Outcome::Send { to, len } => self.outs.push(Out { to, from, slot: at, start, len }),
            Outcome::NeedsRoom(needed) => {
                let spare = self.spare.len();
                self.spare.extend_from_slice(&buffer[..len]);
                self.spare.resize(spare + needed.max(len), 0);
                let buffer = &mut self.spare[spare..];
                let outcome = self.worker.handle(now, from, buffer, len, &mut self.answers);
                if let Outcome::Send { to, len } = outcome {
                    self.outs.push(Out { to, from, slot: SPARE, start: spare, len });
                }
            }
        }
    }

    /// Sends everything that waits.
    fn send(&mut self, sockets: &[UdpSocket]) {
        if !self.outs.is_empty() {
            self.send_packets(sockets);
            self.outs.clear();
            self.spare.clear();
        }
        if self.answers.iter().len() > 0 {
            // Who gets an answer may look at the counters next.
            self.counters.lock().clone_from(&self.worker.counters);
            self.send_answers(sockets);
            self.answers.clear();
        }
    }

    fn send_packets(&mut self, sockets: &[UdpSocket]) {
        // Without GRO a reading is shorter than a sending; with it the reading is cut above.
        self.grouping.plan(&self.outs, self.segmentation);
        let mut segments = [IoSlice::new(&[]); MAX_SEND];
        for (segment, &at) in segments.iter_mut().zip(&self.grouping.order) {
            let out = &self.outs[at];
            let buffer = if out.slot == SPARE { &self.spare } else { self.inbox.slot(out.slot) };
            *segment = IoSlice::new(&buffer[out.start..out.start + out.len]);
        }
        let mut rest = &self.grouping.messages[..];
        while let Some(message) = rest.first() {
            let run = rest.iter().take_while(|other| other.to.local() == message.to.local()).count();
            if message.to.transport() == Transport::Tcp {
                let run = message.first..message.first + message.count;
                for (&at, datagram) in self.grouping.order[run.clone()].iter().zip(&segments[run]) {
                    let out = self.outs[at];
                    let all = self.connections.as_ref();
                    let sent = all.is_some_and(|all| all.send(out.to, datagram).is_ok());
                    account(&mut self.worker, out, sent);
                }
                rest = &rest[1..];
                continue;
            }
            let Some(socket) = sockets.get(message.to.local() as usize) else { break };
            let (taken, failed) = match self.outbox.send(socket, &rest[..run], &segments) {
                Ok(taken) => (taken, 0),
                Err(error) if message.count > 1 && error.kind() != ErrorKind::WouldBlock => {
                    // One path takes no segments of this length, or the device cannot segment for any.
                    self.segmentation &= error.raw_os_error() != Some(libc::EIO);
                    let single = |first| Message { to: message.to, first, count: 1, source: None };
                    for first in message.first..message.first + message.count {
                        let sent = self.outbox.send(socket, &[single(first)], &segments).is_ok();
                        let out = self.outs[self.grouping.order[first]];
                        account(&mut self.worker, out, sent);
                    }
                    rest = &rest[1..];
                    continue;
                }
                // The socket's buffer is full: what follows would only fail as well.
                Err(error) if error.kind() == ErrorKind::WouldBlock => (0, run),
                Err(_) => (0, 1),
            };
            for (at, message) in rest[..taken + failed].iter().enumerate() {
                for &place in &self.grouping.order[message.first..message.first + message.count] {
                    account(&mut self.worker, self.outs[place], at < taken);
                }
            }
            rest = &rest[taken + failed..];
        }
    }

    fn send_answers(&mut self, sockets: &[UdpSocket]) {
        for (to, datagram) in self.answers.iter() {
            let counters = &mut self.worker.counters;
            let connections = self.connections.as_deref();
            if let Err(reason) = send_one(sockets, connections, &mut self.outbox, counters, to, datagram) {
                counters.drops.count(reason);
            }
        }
    }
}

fn account(worker: &mut Worker, out: Out, sent: bool) {
    if sent {
        worker.counters.packets_out += 1;
        worker.counters.bytes_out += out.len as u64;
    } else {
        worker.on_send_failed(out.from, out.len);
    }
}

/// Sends one datagram, over a UDP socket or a TCP connection.
pub fn send_one(
    sockets: &[UdpSocket],
    connections: Option<&Connections>,
    outbox: &mut Outbox,
    counters: &mut NodeCounters,
    to: Remote,
    datagram: &[u8],
) -> Result<(), DropReason> {
    if to.transport() == Transport::Tcp {
        connections.ok_or(DropReason::SendFailed)?.send(to, datagram)?;
        counters.packets_out += 1;
        counters.bytes_out += datagram.len() as u64;
        return Ok(());
    }
    let socket = sockets.get(to.local() as usize).ok_or(DropReason::SendFailed)?;
    let message = [Message { to, first: 0, count: 1, source: None }];
    outbox.send(socket, &message, &[IoSlice::new(datagram)]).map_err(|_| DropReason::SendFailed)?;
    counters.packets_out += 1;
    counters.bytes_out += datagram.len() as u64;
    Ok(())
}
