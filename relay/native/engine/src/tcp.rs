//! ICE-TCP: passive candidates (RFC 6544) with framed datagrams (RFC 4571). Section 9.
//!
//! One thread accepts and reads. Any worker writes: a connection's outgoing half is behind a lock of its
//! own, and what the kernel does not take waits in its queue until the thread sees room.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use burrow_packet::drops::Drop as DropReason;
use burrow_packet::framing;
use burrow_packet::leg::Leg;
use burrow_packet::remote::Remote;
use burrow_packet::send_queue::{Class, SendQueue};
use parking_lot::{Mutex, RwLock};
use rustix::event::epoll;

/// What the kernel keeps unsent: the rest waits here, where old video can still be dropped.
const NOTSENT_BYTES: u32 = 16_384;

/// All connections, for who sends.
pub struct Connections {
    /// Tells the thread what can be read and written.
    pub poll: OwnedFd,
    open: RwLock<HashMap<Remote, Arc<Connection>>>,
    queue_bytes: usize,
}

/// One connection.
pub struct Connection {
    /// Its number in the thread's poll.
    pub id: u64,
    /// The other end.
    pub remote: Remote,
    stream: TcpStream,
    leg: Mutex<Option<Arc<Leg>>>,
    out: Mutex<Outgoing>,
}

struct Outgoing {
    /// What the kernel has not taken of a frame that it has begun.
    partial: Vec<u8>,
    queue: SendQueue,
    closing: bool,
}

impl Outgoing {
    fn waits(&self) -> bool {
        !self.partial.is_empty() || !self.queue.is_empty()
    }
}

impl Connections {
    /// None yet.
    pub fn new(queue_bytes: usize) -> io::Result<Self> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self { poll, open: RwLock::default(), queue_bytes })
    }

    /// Takes an accepted stream.
    pub fn add(&self, id: u64, remote: Remote, stream: TcpStream) -> io::Result<Arc<Connection>> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        socket2::SockRef::from(&stream).set_tcp_notsent_lowat(NOTSENT_BYTES)?;
        epoll::add(&self.poll, &stream, epoll::EventData::new_u64(id), epoll::EventFlags::IN)?;
        let out = Outgoing { partial: Vec::new(), queue: SendQueue::new(self.queue_bytes), closing: false };
        let connection =
            Arc::new(Connection { id, remote, stream, leg: Mutex::default(), out: Mutex::new(out) });
        self.open.write().insert(remote, Arc::clone(&connection));
        Ok(connection)
    }

    /// Ends a connection; what the kernel has is still sent.
    pub fn remove(&self, connection: &Connection) {
        connection.out.lock().closing = true;
        self.open.write().remove(&connection.remote);
        // It may be gone already; then there is nothing left to end.
        let _ = epoll::delete(&self.poll, &connection.stream);
        let _ = connection.stream.shutdown(Shutdown::Write);
    }

    /// Ends all.
    pub fn remove_all(&self) {
        let all: Vec<_> = self.open.read().values().cloned().collect();
        for connection in all {
            self.remove(&connection);
        }
    }

    /// Sends a datagram, or lets it wait.
    ///
    /// # Errors
    /// [`DropReason::SendFailed`] when the connection is gone or going.
    pub fn send(&self, to: Remote, datagram: &[u8]) -> Result<(), DropReason> {
        let connection = self.open.read().get(&to).cloned().ok_or(DropReason::SendFailed)?;
        let mut out = connection.out.lock();
        if out.closing {
            return Err(DropReason::SendFailed);
        }
        if out.waits() {
            let class = connection.class(datagram);
            let dropped = out.queue.add(datagram, class);
            drop(out);
            connection.count(DropReason::TcpQueueFull, dropped);
            return Ok(());
        }
        if !connection.write(&mut out, datagram) {
            return Err(DropReason::SendFailed);
        }
        if out.waits() {
            self.watch(&connection, epoll::EventFlags::IN | epoll::EventFlags::OUT);
        }
        Ok(())
    }

    /// Writes what waits, as far as the kernel takes it.
    pub fn flush(&self, connection: &Connection) {
        let mut out = connection.out.lock();
        let partial = std::mem::take(&mut out.partial);
        if !connection.write_octets(&mut out, &partial) {
            return;
        }
        while out.partial.is_empty() {
            let Some(datagram) = out.queue.take() else {
                return self.watch(connection, epoll::EventFlags::IN);
            };
            if !connection.write(&mut out, &datagram) {
                return;
            }
        }
    }

    fn watch(&self, connection: &Connection, flags: epoll::EventFlags) {
        // A connection that is being removed is not watched any more.
        let _ =
            epoll::modify(&self.poll, &connection.stream, epoll::EventData::new_u64(connection.id), flags);
    }
}

impl Connection {
    /// Reads what is there; 0 is its end.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.stream).read(buffer)
    }

    /// It has proved to be this leg's.
    pub fn belongs_to(&self, leg: &Arc<Leg>) {
        *self.leg.lock() = Some(Arc::clone(leg));
    }

    /// Whether it has proved to be a leg's.
    pub fn is_known(&self) -> bool {
        self.leg.lock().is_some()
    }

    /// Counts at the leg; `false`: it belongs to none.
    pub fn count(&self, reason: DropReason, times: u64) -> bool {
        let leg = self.leg.lock().clone();
        let Some(leg) = leg else { return false };
        for _ in 0..times {
            leg.egress.lock().drops.count(reason);
        }
        true
    }

    fn class(&self, datagram: &[u8]) -> Class {
        // SRTP leaves the header in clear; RFC 5761 tells RTCP.
        let &[128..=191, second, _, _, t0, t1, t2, t3, s0, s1, s2, s3, ..] = datagram else {
            return Class::Control;
        };
        if (192..224).contains(&second) {
            return Class::Control;
        }
        let ssrc = u32::from_be_bytes([s0, s1, s2, s3]);
        let video = self.leg.lock().as_ref().is_some_and(|leg| leg.egress.lock().is_video(ssrc));
        // RFC 3550 section 5.1: the packets of a frame have one timestamp.
        if video { Class::Video([t0, t1, t2, t3, s0, s1, s2, s3]) } else { Class::Audio }
    }

    fn write(&self, out: &mut Outgoing, datagram: &[u8]) -> bool {
        let Some(header) = framing::header(datagram) else { return true };
        let mut frame = [0; 2 + 2048 + 64];
        let len = 2 + datagram.len();
        if len > frame.len() {
            return true;
        }
        frame[..2].copy_from_slice(&header);
        frame[2..len].copy_from_slice(datagram);
        self.write_octets(out, &frame[..len])
    }

    /// Hands octets to the kernel and keeps what it does not take. `false`: the connection is broken; its
    /// end is read by the thread.
    fn write_octets(&self, out: &mut Outgoing, mut octets: &[u8]) -> bool {
        while !octets.is_empty() {
            match (&self.stream).write(octets) {
                Ok(taken) => octets = &octets[taken..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    out.partial = octets.to_vec();
                    return true;
                }
                Err(_) => {
                    out.closing = true;
                    return false;
                }
            }
        }
        true
    }
}
