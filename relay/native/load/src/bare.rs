//! The least that any relay does: read a batch, swap the addresses, send it. What an engine takes more
//! than this is its own.

use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use burrow_engine::{Inbox, MAX_READ, Message, Outbox};
use burrow_packet::remote::Remote;

use crate::legs::{EGRESS_SSRC, FIRST_ADDRESS};

/// A thread that forwards between each two legs of a load without looking at their packets.
pub struct Bare {
    port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    packets: AtomicU64,
}

impl Bare {
    /// Starts it on a free port of the loopback interface.
    ///
    /// # Errors
    /// The system's.
    pub fn start() -> io::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 4 << 20)?;
        rustix::net::sockopt::set_socket_send_buffer_size(&socket, 4 << 20)?;
        let port = socket.local_addr()?.port();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread =
            std::thread::Builder::new().name("bare".into()).spawn(move || forward(&socket, &theirs))?;
        Ok(Self { port, shared, thread: Some(thread) })
    }

    /// Where it is.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Packets forwarded.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.shared.packets.load(Ordering::Relaxed)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell.
            let _ = thread.join();
        }
    }
}

fn forward(socket: &UdpSocket, shared: &Shared) {
    let (mut inbox, mut outbox) = (Inbox::new(2048), Outbox::new());
    let mut messages = Vec::with_capacity(MAX_READ);
    while !shared.stop.load(Ordering::Relaxed) {
        let read = inbox.read(socket).unwrap_or(0);
        if read == 0 {
            let mut ready = [rustix::event::PollFd::new(socket, rustix::event::PollFlags::IN)];
            let wait = rustix::event::Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
            // Whether it was interrupted or timed out, the socket is looked at again.
            let _ = rustix::event::poll(&mut ready, Some(&wait));
            continue;
        }
        messages.clear();
        let mut lens = [0; MAX_READ];
        for (at, length) in lens.iter_mut().enumerate().take(read) {
            let Some((from, len, _)) = inbox.head(at, 0) else { continue };
            let to = turn(from, inbox.slot_mut(at));
            *length = len;
            messages.push(Message { to, first: at, count: 1, source: None });
        }
        let mut segments = [IoSlice::new(&[]); MAX_READ];
        for (at, segment) in segments.iter_mut().enumerate() {
            *segment = IoSlice::new(&inbox.slot(at)[..lens[at]]);
        }
        let mut sent = 0;
        while sent < messages.len() {
            let Ok(taken) = outbox.send(socket, &messages[sent..], &segments) else { break };
            sent += taken;
        }
        shared.packets.fetch_add(sent as u64, Ordering::Relaxed);
    }
}

/// Where a datagram goes: a check back to its sender as its answer, a packet to the other leg with the
/// SSRC that the generator counts.
fn turn(from: Remote, datagram: &mut [u8]) -> Remote {
    let address = from.address();
    if datagram[0] == 0 {
        datagram[0] = 1;
        return from;
    }
    let std::net::IpAddr::V4(ip) = address.ip() else { return from };
    let number = (ip.to_bits().wrapping_sub(FIRST_ADDRESS.to_bits())) ^ 1;
    datagram[8..12].copy_from_slice(&(EGRESS_SSRC | number).to_be_bytes());
    let ip = Ipv4Addr::from_bits(FIRST_ADDRESS.to_bits().wrapping_add(number));
    Remote::new(0, (ip, address.port()).into())
}
