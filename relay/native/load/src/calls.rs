//! Calls through a real service: far ends whose signaling, ICE and DTLS somebody else has done, each on its
//! own socket, sending video frame by frame at a bit rate as a browser does, and counting what comes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, IoSlice};
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use burrow_engine::{Inbox, Message, Outbox, now, set_gro};
use burrow_packet::remote::Remote;
use burrow_packet::rtp::RtpHeader;
use burrow_packet::srtp::{Receiver, Sender};
use burrow_packet::stun::{IntegrityKey, connectivity_check};
use burrow_packet::{MILLISECOND, Nanos, SECOND};
use parking_lot::Mutex;
use rustix::event::{Timespec, epoll};

use crate::latencies::Latencies;
use crate::legs::{PAYLOAD_TYPE, TRANSPORT_CC};
use crate::run::{HEADER_LEN, thread_cpu};

/// Room behind a packet for what protects it.
const OVERHEAD: usize = 16;
/// Between a leg's connectivity checks, as often as Chromium does it.
const CHECK_EVERY: Nanos = 2_500 * MILLISECOND;
/// Of a peer-reflexive candidate (RFC 8445 section 5.1.2.2).
const PRIORITY: u32 = 110 << 24 | 0xffff << 8 | 255;
/// A frame that leaves so much after its time counts as late: the generator does not keep up.
const LATE: Nanos = 10 * MILLISECOND;
/// Frames that are further behind than so many are left out.
const MOST_BEHIND: Nanos = 5;
/// Longest sleep, and so the longest time until something asked for is done.
const LONGEST_WAIT: Nanos = 5 * MILLISECOND;
const SNAPSHOT_EVERY: Nanos = 50 * MILLISECOND;
/// Packets of one frame at most.
const FRAME_MAX: usize = 64;

/// How the calls send.
#[derive(Clone, Copy, Debug)]
pub struct CallsConfig {
    /// Of each leg, of RTP packets before protection, in bits a second.
    pub bit_rate: u64,
    /// Frames a second; a frame's packets leave together.
    pub frame_rate: u32,
    /// Octets of an RTP packet before protection.
    pub packet_len: usize,
    /// One packet of so many of a leg is decrypted, and its latency taken.
    pub sample: u64,
}

/// One leg's far end after its handshake.
pub struct FarEnd {
    /// Connected to the relay.
    pub socket: UdpSocket,
    /// `relay:own` ufrags.
    pub username: String,
    /// The relay's.
    pub password: IntegrityKey,
    /// Protects what it sends.
    pub sender: Sender,
    /// Unprotects what it gets.
    pub receiver: Receiver,
    /// Of what it sends.
    pub ssrc: u32,
    /// Of what it gets.
    pub expected_ssrc: u32,
}

/// What has been counted of one leg: packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegCount {
    /// Handed to the kernel.
    pub sent: u64,
    /// Came back forwarded from the other leg.
    pub received: u64,
}

/// Everything counted since the start.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// By the number that adding gave.
    pub legs: Vec<LegCount>,
    /// Packets that the kernel did not take.
    pub refused: u64,
    /// Packets that could not be decrypted.
    pub bad: u64,
    /// Frames due, and those of them that left late or not at all.
    pub frames: u64,
    /// See `frames`.
    pub late: u64,
    /// Of the generator's thread.
    pub cpu_seconds: f64,
    /// From the sender's clock to the receiver's, in this process.
    pub latencies: Latencies,
}

enum Command {
    Add(Box<FarEnd>),
    Start(usize),
    StopAll,
}

#[derive(Default)]
struct Shared {
    commands: Mutex<Vec<Command>>,
    snapshot: Mutex<Snapshot>,
    stop: AtomicBool,
}

/// A running generator; dropping it ends its thread and closes its sockets.
pub struct Calls {
    shared: Arc<Shared>,
    added: AtomicUsize,
    thread: Option<JoinHandle<()>>,
}

impl Calls {
    /// Starts it, without any leg.
    ///
    /// # Errors
    /// The system's, and [`io::ErrorKind::InvalidInput`] for a rate or a packet that makes no sense.
    pub fn start(config: CallsConfig) -> io::Result<Self> {
        if config.frame_rate == 0 || config.packet_len < HEADER_LEN + 8 || config.packet_len > 1400 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let shared = Arc::new(Shared::default());
        let work = Work::new(config, Arc::clone(&shared))?;
        let thread = std::thread::Builder::new().name("burrow-load".into()).spawn(move || work.run())?;
        Ok(Self { shared, added: AtomicUsize::new(0), thread: Some(thread) })
    }

    /// Takes a far end over: from now on it checks consent and counts what comes. Gives its number.
    pub fn add(&self, far: FarEnd) -> usize {
        let mut commands = self.shared.commands.lock();
        commands.push(Command::Add(Box::new(far)));
        self.added.fetch_add(1, Ordering::Relaxed)
    }

    /// Lets it send.
    pub fn begin(&self, leg: usize) {
        self.shared.commands.lock().push(Command::Start(leg));
    }

    /// Lets nothing send any more; what is on its way is still counted.
    pub fn stop_all(&self) {
        self.shared.commands.lock().push(Command::StopAll);
    }

    /// What has been counted, some milliseconds ago.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.shared.snapshot.lock().clone()
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed, and has no one else to be told to.
            let _ = thread.join();
        }
    }
}

struct Leg {
    far: FarEnd,
    to: Remote,
    active: bool,
    /// Rollover counter and sequence number of the next packet.
    index: u64,
    transport_cc: u16,
    /// Bits that may be sent.
    credit: u64,
    checks: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Check,
    Frame,
}

struct Work {
    config: CallsConfig,
    shared: Arc<Shared>,
    poll: OwnedFd,
    legs: Vec<Leg>,
    due: BinaryHeap<Reverse<(Nanos, Due, usize)>>,
    inbox: Inbox,
    outbox: Outbox,
    slots: Vec<u8>,
    counted: Snapshot,
}

impl Work {
    fn new(config: CallsConfig, shared: Arc<Shared>) -> io::Result<Self> {
        Ok(Self {
            shared,
            poll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            legs: Vec::new(),
            due: BinaryHeap::new(),
            inbox: Inbox::new(65_535),
            outbox: Outbox::new(),
            slots: vec![0; (config.packet_len + OVERHEAD) * FRAME_MAX],
            counted: Snapshot::default(),
            config,
        })
    }

    fn run(mut self) {
        let mut events = Vec::with_capacity(256);
        let mut snapshot_at = now();
        while !self.shared.stop.load(Ordering::Relaxed) {
            self.obey();
            while let Some(&Reverse((at, what, leg))) = self.due.peek() {
                if at > now() {
                    break;
                }
                self.due.pop();
                match what {
                    Due::Check => self.check(at, leg),
                    Due::Frame => self.frame(at, leg),
                }
            }
            if now() >= snapshot_at {
                snapshot_at = now() + SNAPSHOT_EVERY;
                self.counted.cpu_seconds = thread_cpu() as f64 / SECOND as f64;
                self.shared.snapshot.lock().clone_from(&self.counted);
            }
            let next = self.due.peek().map_or(LONGEST_WAIT, |&Reverse((at, _, _))| at.saturating_sub(now()));
            let wait = next.min(LONGEST_WAIT);
            let timeout = Timespec { tv_sec: 0, tv_nsec: wait.cast_signed() };
            events.clear();
            if epoll::wait(&self.poll, rustix::buffer::spare_capacity(&mut events), Some(&timeout)).is_err() {
                continue;
            }
            for event in &events {
                let event: &epoll::Event = event;
                self.receive(event.data.u64() as usize);
            }
        }
    }

    fn obey(&mut self) {
        let commands = std::mem::take(&mut *self.shared.commands.lock());
        for command in commands {
            match command {
                Command::Add(far) => self.add(*far),
                Command::Start(leg) => self.begin(leg),
                Command::StopAll => {
                    for leg in &mut self.legs {
                        leg.active = false;
                    }
                }
            }
        }
    }

    fn add(&mut self, far: FarEnd) {
        let number = self.legs.len();
        // Where the relay is gone already there is nothing to send to, and nothing comes.
        let to = far.socket.peer_addr().unwrap_or_else(|_| ([127, 0, 0, 1], 9).into());
        // The kernel would else take the relay's trains apart at the relay's expense, which a network card
        // does for it.
        let _ = set_gro(&far.socket, true);
        let data = epoll::EventData::new_u64(number as u64);
        if epoll::add(&self.poll, &far.socket, data, epoll::EventFlags::IN).is_err() {
            self.counted.refused += 1;
        }
        self.legs.push(Leg {
            far,
            to: Remote::new(0, to),
            active: false,
            index: 0,
            transport_cc: 0,
            credit: 0,
            checks: 0,
        });
        self.counted.legs.push(LegCount::default());
        // Spread: all legs of one moment would else check in one moment for ever.
        let first = now() + CHECK_EVERY * (number as Nanos % 16) / 16;
        self.due.push(Reverse((first, Due::Check, number)));
    }

    fn begin(&mut self, number: usize) {
        if let Some(leg) = self.legs.get_mut(number).filter(|leg| !leg.active) {
            leg.active = true;
            let phase = self.interval() * (number as Nanos * 7 % 32) / 32;
            self.due.push(Reverse((now() + phase, Due::Frame, number)));
        }
    }

    fn interval(&self) -> Nanos {
        SECOND / Nanos::from(self.config.frame_rate)
    }

    fn check(&mut self, at: Nanos, number: usize) {
        let leg = &mut self.legs[number];
        leg.checks += 1;
        let mut transaction = [0; 12];
        transaction[..4].copy_from_slice(&leg.checks.to_be_bytes());
        transaction[4..].copy_from_slice(&at.to_be_bytes());
        let username = leg.far.username.as_bytes();
        let check = connectivity_check(username, &leg.far.password, PRIORITY, true, transaction);
        // One that is lost is followed by the next.
        let _ = leg.far.socket.send(&check);
        self.due.push(Reverse((at + CHECK_EVERY, Due::Check, number)));
    }

    fn frame(&mut self, at: Nanos, number: usize) {
        let (interval, len) = (self.interval(), self.config.packet_len);
        let leg = &mut self.legs[number];
        if !leg.active {
            return;
        }
        self.counted.frames += 1;
        let behind = now().saturating_sub(at);
        if behind > LATE {
            self.counted.late += 1;
        }
        let mut next = at + interval;
        if behind > interval * MOST_BEHIND {
            self.counted.frames += behind / interval;
            self.counted.late += behind / interval;
            next += behind / interval * interval;
        }
        self.due.push(Reverse((next, Due::Frame, number)));
        leg.credit += self.config.bit_rate / u64::from(self.config.frame_rate);
        let packet_bits = len as u64 * 8;
        let count = (leg.credit / packet_bits).min(FRAME_MAX as u64) as usize;
        leg.credit -= count as u64 * packet_bits;
        if count == 0 {
            return;
        }
        let timestamp = (at / 11_111) as u32;
        let mut sealed = 0;
        let mut indices = leg.index;
        for (place, slot) in self.slots.chunks_exact_mut(len + OVERHEAD).take(count).enumerate() {
            let marker = if place + 1 == count { 0x80 } else { 0 };
            write_header(slot, leg, indices, timestamp, marker);
            slot[HEADER_LEN..HEADER_LEN + 8].copy_from_slice(&now().to_be_bytes());
            sealed = leg.far.sender.protect_rtp(slot, HEADER_LEN, len, leg.far.ssrc, indices);
            indices += 1;
            leg.transport_cc = leg.transport_cc.wrapping_add(1);
        }
        leg.index = indices;
        let segments: Vec<IoSlice<'_>> = self
            .slots
            .chunks_exact(len + OVERHEAD)
            .take(count)
            .map(|slot| IoSlice::new(&slot[..sealed]))
            .collect();
        let message = [Message { to: leg.to, first: 0, count, source: None }];
        if matches!(self.outbox.send(&leg.far.socket, &message, &segments), Ok(1)) {
            self.counted.legs[number].sent += count as u64;
        } else {
            self.counted.refused += count as u64;
        }
    }

    fn receive(&mut self, number: usize) {
        let Some(leg) = self.legs.get_mut(number) else { return };
        // An error is an ICMP message of before, and is gone with the reading.
        let read = self.inbox.read(&leg.far.socket).unwrap_or(0);
        let at = now();
        for place in 0..read {
            let Some((_, len, segment)) = self.inbox.head(place, 0) else { continue };
            let mut start = 0;
            while start < len {
                let end = len.min(start + segment.max(1));
                let packet = &mut self.inbox.slot_mut(place)[start..end];
                start = end;
                // RTCP, such as the request for a keyframe, and STUN are not what is counted.
                let &mut [128..=191, second, _, _, _, _, _, _, s0, s1, s2, s3, ..] = packet else { continue };
                let ssrc = u32::from_be_bytes([s0, s1, s2, s3]);
                if second & 0x7f != PAYLOAD_TYPE || ssrc != leg.far.expected_ssrc {
                    continue;
                }
                let count = &mut self.counted.legs[number].received;
                *count += 1;
                if !count.is_multiple_of(self.config.sample.max(1)) {
                    continue;
                }
                let opened = RtpHeader::parse(packet)
                    .map(|header| leg.far.receiver.unprotect_rtp(packet, &header).map(|(len, _)| len));
                match opened {
                    Some(Ok(len)) if len >= HEADER_LEN + 8 => {
                        let mut sent = [0; 8];
                        sent.copy_from_slice(&packet[HEADER_LEN..HEADER_LEN + 8]);
                        self.counted.latencies.record(at.saturating_sub(Nanos::from_be_bytes(sent)));
                    }
                    _ => self.counted.bad += 1,
                }
            }
        }
    }
}

/// Writes header and transport-wide sequence number.
fn write_header(slot: &mut [u8], leg: &Leg, index: u64, timestamp: u32, marker: u8) {
    slot[..2].copy_from_slice(&[0x90, PAYLOAD_TYPE | marker]);
    slot[2..4].copy_from_slice(&(index as u16).to_be_bytes());
    slot[4..8].copy_from_slice(&timestamp.to_be_bytes());
    slot[8..12].copy_from_slice(&leg.far.ssrc.to_be_bytes());
    slot[12..17].copy_from_slice(&[0xbe, 0xde, 0, 1, TRANSPORT_CC << 4 | 1]);
    slot[17..19].copy_from_slice(&leg.transport_cc.to_be_bytes());
    slot[19] = 0;
}
