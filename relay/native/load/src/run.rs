//! Connecting the legs and running the load.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use burrow_engine::{Inbox, Message, Outbox, now, set_gro};
use burrow_packet::remote::Remote;
use burrow_packet::rtp::RtpHeader;
use burrow_packet::srtp::Profile;
use burrow_packet::{Nanos, SECOND};
use rustix::time::{ClockId, clock_gettime};

use crate::legs::{EGRESS_SSRC, LoadLeg, PAYLOAD_TYPE, TRANSPORT_CC};

/// Packets sent before the answers are read.
pub(crate) const BATCH: usize = 64;
/// Octets before the time stamp: fixed header and one extension.
pub const HEADER_LEN: usize = 20;
/// Most latencies kept of one run.
pub(crate) const MAX_SAMPLES: usize = 2_000_000;
/// How long packets on their way are waited for after the last one, else they would count for the next run;
pub(crate) const DRAIN: Duration = Duration::from_millis(200);
/// and how long after a run.
pub(crate) const LONGEST_DRAIN: Duration = Duration::from_secs(3);

/// What to drive, and with what.
#[derive(Clone, Debug)]
pub struct LoadConfig {
    /// Where the engine's socket is.
    pub relay: SocketAddr,
    /// Numbers of the legs, linked two by two.
    pub legs: u32,
    /// Of all legs.
    pub profile: Profile,
    /// Octets of an RTP packet before protection.
    pub packet_len: usize,
    /// Packets of a flow one behind the other.
    pub train: usize,
    /// Hand trains to the kernel as one message, as a path that gathers delivers them.
    pub gso: bool,
    /// One packet of so many is decrypted, and its latency taken.
    pub sample: u64,
}

/// Why a load could not run.
#[derive(Debug)]
pub enum LoadError {
    /// The system refused.
    System(io::Error),
    /// So many legs got no answer to their checks.
    Unanswered(usize),
    /// A value makes no sense.
    Config(&'static str),
}

impl From<io::Error> for LoadError {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(error) => write!(f, "The load generator failed: {error}."),
            Self::Unanswered(legs) => write!(f, "{legs} legs got no answer to their checks."),
            Self::Config(what) => write!(f, "{what}"),
        }
    }
}

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Packets handed to the kernel.
    pub sent: u64,
    /// Packets that came back forwarded.
    pub received: u64,
    /// Packets that the kernel refused to take.
    pub refused: u64,
    /// Samples that could not be decrypted: anything but 0 is a fault of the engine.
    pub bad: u64,
    /// Wall-clock seconds of sending.
    pub seconds: f64,
    /// CPU of this thread in that time.
    pub cpu_seconds: f64,
    /// Socket to socket.
    pub latency_us_p50: f64,
    /// Socket to socket.
    pub latency_us_p99: f64,
}

/// Legs that are connected, and the buffers to drive them with.
pub struct Load {
    config: LoadConfig,
    socket: UdpSocket,
    legs: Vec<LoadLeg>,
    next: usize,
    slots: Vec<u8>,
    slot_len: usize,
    inbox: Inbox,
    outbox: Outbox,
    count: u64,
    latencies: Vec<u32>,
    received: u64,
    bad: u64,
}

impl Load {
    /// Makes the far ends and connects them: their legs must be open.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn connect(config: LoadConfig) -> Result<Self, LoadError> {
        if config.train == 0 || config.train > BATCH || !BATCH.is_multiple_of(config.train) {
            return Err(LoadError::Config("A train is a divisor of 64."));
        }
        if config.packet_len < HEADER_LEN + 8 || config.packet_len > 1400 {
            return Err(LoadError::Config("A packet has 28 to 1400 octets."));
        }
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.set_nonblocking(true)?;
        rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 8 << 20).map_err(io::Error::from)?;
        rustix::net::sockopt::set_socket_send_buffer_size(&socket, 8 << 20).map_err(io::Error::from)?;
        // Else the kernel takes the engine's trains apart at the engine's expense, which a network card does for it.
        set_gro(&socket, config.train > 1)?;
        let slot_len = config.packet_len + 16;
        let mut load = Self {
            legs: (0..config.legs).map(|number| LoadLeg::new(number, config.profile)).collect(),
            socket,
            next: 0,
            slots: vec![0; slot_len * BATCH],
            slot_len,
            inbox: Inbox::new(if config.train > 1 { 65_535 } else { 2048 }),
            outbox: Outbox::new(),
            count: 0,
            latencies: Vec::new(),
            received: 0,
            bad: 0,
            config,
        };
        load.check_all()?;
        Ok(load)
    }

    /// Sends each leg's connectivity check until all are answered.
    ///
    /// # Errors
    /// [`LoadError::Unanswered`] after five seconds.
    pub fn check_all(&mut self) -> Result<(), LoadError> {
        let to = Remote::new(0, self.config.relay);
        let mut answered = vec![false; self.legs.len()];
        let deadline = Instant::now() + Duration::from_secs(5);
        while answered.contains(&false) {
            if Instant::now() > deadline {
                return Err(LoadError::Unanswered(answered.iter().filter(|&&done| !done).count()));
            }
            for (leg, _) in self.legs.iter().zip(&answered).filter(|(_, done)| !**done).take(BATCH) {
                let message = [Message { to, first: 0, count: 1, source: Some(leg.address) }];
                // A check that is refused is sent again with the others.
                let _ = self.outbox.send(&self.socket, &message, &[IoSlice::new(&leg.check)]);
            }
            std::thread::sleep(Duration::from_millis(5));
            loop {
                let read = self.inbox.read(&self.socket)?;
                for at in 0..read {
                    let number = match self.inbox.slot(at) {
                        [1, 1, _, _, _, _, _, _, a, b, c, d, ..] => u32::from_be_bytes([*a, *b, *c, *d]),
                        _ => continue,
                    };
                    if let Some(done) = answered.get_mut(number as usize) {
                        *done = true;
                    }
                }
                if read == 0 {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Sends for `seconds` at `rate` packets a second, or as many as go.
    ///
    /// # Errors
    /// The system's.
    pub fn run(&mut self, seconds: f64, rate: Option<f64>) -> Result<Report, LoadError> {
        let mut report = Report::default();
        self.latencies.clear();
        (self.received, self.bad) = (0, 0);
        let (start, cpu) = (now(), thread_cpu());
        let end = start + (seconds * SECOND as f64) as Nanos;
        loop {
            let at = now();
            if at >= end {
                break;
            }
            let due = match rate {
                None => BATCH,
                Some(rate) => {
                    let due = (at - start) as f64 / SECOND as f64 * rate;
                    (due as u64).saturating_sub(report.sent + report.refused).min(BATCH as u64) as usize
                }
            };
            let trains = due / self.config.train;
            if trains > 0 {
                let sent = self.send(trains);
                report.sent += sent;
                report.refused += (trains * self.config.train) as u64 - sent;
            }
            while self.receive()? == burrow_engine::MAX_READ && rate.is_some() {}
        }
        report.seconds = (now() - start) as f64 / SECOND as f64;
        report.cpu_seconds = (thread_cpu() - cpu) as f64 / SECOND as f64;
        let (ended, mut last) = (Instant::now(), Instant::now());
        while last.elapsed() < DRAIN && ended.elapsed() < LONGEST_DRAIN {
            if self.receive()? > 0 {
                last = Instant::now();
            }
        }
        (report.received, report.bad) = (self.received, self.bad);
        (report.latency_us_p50, report.latency_us_p99) = percentile(&mut self.latencies);
        Ok(report)
    }

    /// Sends trains of the next flows; returns how many packets the kernel took.
    fn send(&mut self, trains: usize) -> u64 {
        let to = Remote::new(0, self.config.relay);
        let (train, gso, len) = (self.config.train, self.config.gso, self.config.packet_len);
        let mut messages = Vec::with_capacity(BATCH);
        let mut lens = [0; BATCH];
        let at = now();
        for (place, slot) in self.slots.chunks_exact_mut(self.slot_len).take(trains * train).enumerate() {
            let leg = &mut self.legs[self.next];
            write_header(slot, leg, at);
            lens[place] = leg.sender.protect_rtp(slot, HEADER_LEN, len, leg.ssrc, leg.index);
            leg.index += 1;
            leg.transport_cc = leg.transport_cc.wrapping_add(1);
            let source = Some(leg.address);
            if !gso || place % train == 0 {
                let count = if gso { train } else { 1 };
                messages.push(Message { to, first: place, count, source });
            }
            if place % train == train - 1 {
                self.next = (self.next + 1) % self.legs.len();
            }
        }
        let mut segments = [IoSlice::new(&[]); BATCH];
        for ((segment, slot), len) in
            segments.iter_mut().zip(self.slots.chunks_exact(self.slot_len)).zip(lens)
        {
            *segment = IoSlice::new(&slot[..len]);
        }
        let mut sent = 0;
        while sent < messages.len() {
            match self.outbox.send(&self.socket, &messages[sent..], &segments) {
                Ok(count) => sent += count,
                Err(_) => break,
            }
        }
        messages[..sent].iter().map(|message| message.count as u64).sum()
    }

    /// Reads one batch; returns how many messages.
    fn receive(&mut self) -> Result<usize, LoadError> {
        let read = self.inbox.read(&self.socket)?;
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
                let leg = self.legs.get_mut((ssrc & !EGRESS_SSRC) as usize);
                let Some(leg) = leg.filter(|_| second & 0x7f == PAYLOAD_TYPE) else { continue };
                self.received += 1;
                self.count += 1;
                if !self.count.is_multiple_of(self.config.sample.max(1)) {
                    continue;
                }
                match RtpHeader::parse(packet).map(|header| leg.receiver.unprotect_rtp(packet, &header)) {
                    Some(Ok(_)) if self.latencies.len() < MAX_SAMPLES => {
                        let mut sent = [0; 8];
                        sent.copy_from_slice(&packet[HEADER_LEN..HEADER_LEN + 8]);
                        let latency = at.saturating_sub(Nanos::from_be_bytes(sent));
                        self.latencies.push(u32::try_from(latency).unwrap_or(u32::MAX));
                    }
                    Some(Ok(_)) => {}
                    _ => self.bad += 1,
                }
            }
        }
        Ok(read)
    }
}

/// Writes header, transport-wide sequence number and time stamp; the rest of the payload is what the
/// last encryption left there.
fn write_header(slot: &mut [u8], leg: &LoadLeg, at: Nanos) {
    slot[..2].copy_from_slice(&[0x90, PAYLOAD_TYPE]);
    slot[2..4].copy_from_slice(&(leg.index as u16).to_be_bytes());
    slot[4..8].copy_from_slice(&((at / 11_111) as u32).to_be_bytes());
    slot[8..12].copy_from_slice(&leg.ssrc.to_be_bytes());
    slot[12..17].copy_from_slice(&[0xbe, 0xde, 0, 1, TRANSPORT_CC << 4 | 1]);
    slot[17..19].copy_from_slice(&leg.transport_cc.to_be_bytes());
    slot[19] = 0;
    slot[HEADER_LEN..HEADER_LEN + 8].copy_from_slice(&at.to_be_bytes());
}

/// Median and 99th percentile in microseconds of latencies in nanoseconds.
pub(crate) fn percentile(latencies: &mut [u32]) -> (f64, f64) {
    latencies.sort_unstable();
    let at = |percent: usize| {
        let place = latencies.len() * percent / 100;
        latencies.get(place).map_or(0.0, |&nanos| f64::from(nanos) / 1000.0)
    };
    (at(50), at(99))
}

/// What the calling thread has used.
pub fn thread_cpu() -> Nanos {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec.unsigned_abs() * SECOND + time.tv_nsec.unsigned_abs()
}
