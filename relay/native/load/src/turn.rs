//! The same load over a TURN server's channels (RFC 8656), to have another relay beside the engine.
//!
//! Each allocation has a client, whose packets go to the server as ChannelData and leave it for a peer from the
//! allocation's own port, and a peer, whose packets go the other way: every packet is relayed once.

use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use burrow_engine::{Inbox, MAX_READ, Message, Outbox, now, set_gro};
use burrow_packet::remote::Remote;
use burrow_packet::{Nanos, SECOND};

use crate::legs::FIRST_ADDRESS;
use crate::run::{BATCH, DRAIN, LONGEST_DRAIN, LoadError, MAX_SAMPLES, Report, percentile, thread_cpu};

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const ALLOCATE: u16 = 0x0003;
const CHANNEL_BIND: u16 = 0x0009;
const SUCCESS: u16 = 0x0100;
const XOR_PEER_ADDRESS: u16 = 0x0012;
const XOR_RELAYED_ADDRESS: u16 = 0x0016;
/// REQUESTED-TRANSPORT: UDP.
const UDP_TRANSPORT: [u8; 8] = [0x00, 0x19, 0, 4, 17, 0, 0, 0];
/// The only channel of each allocation.
const CHANNEL: [u8; 2] = [0x40, 0x00];
const CHANNEL_HEADER_LEN: usize = 4;
/// Peers' addresses are so many behind their clients'.
const PEERS: u32 = 1 << 16;

/// What to drive, and with what.
#[derive(Clone, Copy, Debug)]
pub struct TurnConfig {
    /// Where the server listens, without authentication.
    pub server: SocketAddr,
    /// Allocations, each with a peer.
    pub allocations: u32,
    /// Octets of a packet without its channel header.
    pub packet_len: usize,
    /// Packets of a flow one behind the other.
    pub train: usize,
    /// Hand trains to the kernel as one message.
    pub gso: bool,
}

/// A load on a TURN server.
pub struct TurnLoad {
    config: TurnConfig,
    socket: UdpSocket,
    /// The relayed address of each allocation.
    relayed: Vec<Option<SocketAddr>>,
    next: usize,
    slots: Vec<u8>,
    inbox: Inbox,
    outbox: Outbox,
    latencies: Vec<u32>,
    received: u64,
}

impl TurnLoad {
    /// Makes the allocations and binds a channel of each to its peer.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn connect(config: TurnConfig) -> Result<Self, LoadError> {
        if config.train == 0 || !BATCH.is_multiple_of(config.train) {
            return Err(LoadError::Config("A train is a divisor of 64."));
        }
        if config.packet_len < 8 || config.packet_len > 1400 || !config.packet_len.is_multiple_of(4) {
            return Err(LoadError::Config("A packet has 8 to 1400 octets, a multiple of four."));
        }
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.set_nonblocking(true)?;
        rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 8 << 20).map_err(io::Error::from)?;
        rustix::net::sockopt::set_socket_send_buffer_size(&socket, 8 << 20).map_err(io::Error::from)?;
        set_gro(&socket, config.train > 1)?;
        let slot_len = config.packet_len + CHANNEL_HEADER_LEN;
        let mut load = Self {
            relayed: vec![None; config.allocations as usize],
            socket,
            next: 0,
            slots: vec![0; slot_len * BATCH],
            inbox: Inbox::new(if config.train > 1 { 65_535 } else { 2048 }),
            outbox: Outbox::new(),
            latencies: Vec::new(),
            received: 0,
            config,
        };
        load.ask_all(ALLOCATE)?;
        load.ask_all(CHANNEL_BIND)?;
        Ok(load)
    }

    /// Sends a request for each allocation until all are answered.
    fn ask_all(&mut self, method: u16) -> Result<(), LoadError> {
        let port = self.socket.local_addr()?.port();
        let mut answered = vec![false; self.relayed.len()];
        let deadline = Instant::now() + Duration::from_secs(20);
        while answered.contains(&false) {
            if Instant::now() > deadline {
                return Err(LoadError::Unanswered(answered.iter().filter(|&&done| !done).count()));
            }
            let waiting = answered.iter().enumerate().filter(|(_, done)| !**done);
            for number in waiting.map(|(number, _)| number as u32).take(BATCH) {
                let request = request(method, number, port);
                let to = Remote::new(0, self.config.server);
                let message = [Message { to, first: 0, count: 1, source: Some(client(number)) }];
                // One that is refused is sent again with the others.
                let _ = self.outbox.send(&self.socket, &message, &[IoSlice::new(&request)]);
            }
            std::thread::sleep(Duration::from_millis(20));
            while let read @ 1.. = self.inbox.read(&self.socket)? {
                for at in 0..read {
                    let Some((_, len, _)) = self.inbox.head(at, 0) else { continue };
                    let datagram = &self.inbox.slot(at)[..len];
                    let Some((number, relayed)) = response(method, datagram) else { continue };
                    let Some(done) = answered.get_mut(number) else { continue };
                    *done = true;
                    if let Some(relayed) = relayed {
                        self.relayed[number] = Some(relayed);
                    }
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
        self.received = 0;
        let (start, cpu) = (now(), thread_cpu());
        let end = start + (seconds * SECOND as f64) as Nanos;
        loop {
            let at = now();
            if at >= end {
                break;
            }
            let due = rate.map_or(BATCH, |rate| {
                let due = (at - start) as f64 / SECOND as f64 * rate;
                (due as u64).saturating_sub(report.sent + report.refused).min(BATCH as u64) as usize
            });
            let trains = due / self.config.train;
            if trains > 0 {
                let sent = self.send(trains, at);
                report.sent += sent;
                report.refused += (trains * self.config.train) as u64 - sent;
            }
            while self.receive()? == MAX_READ && rate.is_some() {}
        }
        report.seconds = (now() - start) as f64 / SECOND as f64;
        report.cpu_seconds = (thread_cpu() - cpu) as f64 / SECOND as f64;
        let (ended, mut last) = (Instant::now(), Instant::now());
        while last.elapsed() < DRAIN && ended.elapsed() < LONGEST_DRAIN {
            if self.receive()? > 0 {
                last = Instant::now();
            }
        }
        report.received = self.received;
        (report.latency_us_p50, report.latency_us_p99) = percentile(&mut self.latencies);
        Ok(report)
    }

    /// Sends trains of the next flows: of each allocation the client's, then the peer's.
    fn send(&mut self, trains: usize, at: Nanos) -> u64 {
        let TurnConfig { train, gso, packet_len, server, .. } = self.config;
        let slot_len = packet_len + CHANNEL_HEADER_LEN;
        let mut messages = Vec::with_capacity(BATCH);
        let mut starts = [0; BATCH];
        for (place, slot) in self.slots.chunks_exact_mut(slot_len).take(trains * train).enumerate() {
            let number = self.next / 2;
            slot[..2].copy_from_slice(&CHANNEL);
            slot[2..4].copy_from_slice(&(packet_len as u16).to_be_bytes());
            slot[4] = 0x80;
            slot[5..12].copy_from_slice(&at.to_be_bytes()[1..]);
            let from_client = self.next.is_multiple_of(2);
            let (source, to) = if from_client {
                (client(number as u32), Some(server))
            } else {
                starts[place] = CHANNEL_HEADER_LEN;
                (peer(number as u32), self.relayed[number])
            };
            if let Some(to) = to.filter(|_| !gso || place % train == 0) {
                let count = if gso { train } else { 1 };
                messages.push(Message { to: Remote::new(0, to), first: place, count, source: Some(source) });
            }
            if place % train == train - 1 {
                self.next = (self.next + 1) % (2 * self.relayed.len());
            }
        }
        let mut segments = [IoSlice::new(&[]); BATCH];
        for ((segment, slot), start) in segments.iter_mut().zip(self.slots.chunks_exact(slot_len)).zip(starts)
        {
            *segment = IoSlice::new(&slot[start..]);
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

    fn receive(&mut self) -> Result<usize, LoadError> {
        let read = self.inbox.read(&self.socket)?;
        let at = now();
        for place in 0..read {
            let Some((_, len, segment)) = self.inbox.head(place, 0) else { continue };
            for packet in self.inbox.slot(place)[..len].chunks(segment.max(1)) {
                let payload =
                    if packet.starts_with(&CHANNEL) { &packet[CHANNEL_HEADER_LEN..] } else { packet };
                let [0x80, stamp @ ..] = payload else { continue };
                let Some(stamp) = stamp.first_chunk::<7>() else { continue };
                self.received += 1;
                if self.received.is_multiple_of(16) && self.latencies.len() < MAX_SAMPLES {
                    let mut sent = [0; 8];
                    sent[1..].copy_from_slice(stamp);
                    let latency = at.saturating_sub(Nanos::from_be_bytes(sent));
                    self.latencies.push(u32::try_from(latency).unwrap_or(u32::MAX));
                }
            }
        }
        Ok(read)
    }
}

fn client(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(FIRST_ADDRESS.to_bits() + number)
}

fn peer(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(FIRST_ADDRESS.to_bits() + PEERS + number)
}

/// An Allocate or ChannelBind request; the transaction names the allocation.
fn request(method: u16, number: u32, port: u16) -> Vec<u8> {
    let mut attributes = Vec::new();
    if method == ALLOCATE {
        attributes.extend_from_slice(&UDP_TRANSPORT);
    } else {
        attributes.extend_from_slice(&[0x00, 0x0c, 0, 4, CHANNEL[0], CHANNEL[1], 0, 0]);
        attributes.extend_from_slice(&XOR_PEER_ADDRESS.to_be_bytes());
        attributes.extend_from_slice(&[0, 8, 0, 1]);
        attributes.extend_from_slice(&(port ^ u16::from_be_bytes([COOKIE[0], COOKIE[1]])).to_be_bytes());
        let ip = peer(number).to_bits() ^ u32::from_be_bytes(COOKIE);
        attributes.extend_from_slice(&ip.to_be_bytes());
    }
    let mut request = Vec::with_capacity(20 + attributes.len());
    request.extend_from_slice(&method.to_be_bytes());
    request.extend_from_slice(&(attributes.len() as u16).to_be_bytes());
    request.extend_from_slice(&COOKIE);
    request.extend_from_slice(&number.to_be_bytes());
    request.extend_from_slice(&[method as u8; 8]);
    request.extend_from_slice(&attributes);
    request
}

/// Of a success response to `method`: the allocation, and its relayed address if it tells it.
fn response(method: u16, datagram: &[u8]) -> Option<(usize, Option<SocketAddr>)> {
    let (head, mut rest) = datagram.split_first_chunk::<20>()?;
    if u16::from_be_bytes([head[0], head[1]]) != method | SUCCESS || head[4..8] != COOKIE {
        return None;
    }
    let number = u32::from_be_bytes([head[8], head[9], head[10], head[11]]) as usize;
    while let Some((&[k0, k1, l0, l1], value)) = rest.split_first_chunk::<4>() {
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        if let (XOR_RELAYED_ADDRESS, Some(&[_, 1, p0, p1, a, b, c, d])) =
            (u16::from_be_bytes([k0, k1]), value.first_chunk::<8>())
        {
            let port = u16::from_be_bytes([p0, p1]) ^ u16::from_be_bytes([COOKIE[0], COOKIE[1]]);
            let ip = Ipv4Addr::from_bits(u32::from_be_bytes([a, b, c, d]) ^ u32::from_be_bytes(COOKIE));
            return Some((number, Some((ip, port).into())));
        }
        rest = value.get(len.next_multiple_of(4)..)?;
    }
    Some((number, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_tells_the_allocation_and_where_it_is() {
        // Success of Allocate with LIFETIME and XOR-RELAYED-ADDRESS 192.0.2.1 port 32853 (RFC 5769's coding).
        let mut datagram = vec![0x01, 0x03, 0, 20];
        datagram.extend_from_slice(&COOKIE);
        datagram.extend_from_slice(&[0, 0, 0, 7, 3, 3, 3, 3, 3, 3, 3, 3]);
        datagram.extend_from_slice(&[0x00, 0x0d, 0, 4, 0, 0, 2, 0x58]);
        datagram.extend_from_slice(&[0x00, 0x16, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        let relayed = "192.0.2.1:32853".parse().unwrap();
        assert_eq!(response(ALLOCATE, &datagram), Some((7, Some(relayed))));
        assert_eq!(response(CHANNEL_BIND, &datagram), None);
    }

    #[test]
    fn requests_are_whole_stun_messages() {
        for method in [ALLOCATE, CHANNEL_BIND] {
            let request = request(method, 5, 4000);
            let len = usize::from(u16::from_be_bytes([request[2], request[3]]));
            assert_eq!(request.len(), 20 + len);
            assert!(burrow_packet::stun::StunMessage::parse(&request).is_ok());
        }
    }
}
