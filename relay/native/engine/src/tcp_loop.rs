//! The thread that accepts and reads ICE-TCP connections.

use std::collections::HashMap;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use burrow_packet::drops::Drop as DropReason;
use burrow_packet::framing::Deframer;
use burrow_packet::node::Node;
use burrow_packet::remote::{FIRST_TCP_LOCAL, Remote};
use burrow_packet::strangers::Strangers;
use burrow_packet::worker::{Answers, Outcome, Worker};
use burrow_packet::{MILLISECOND, Nanos, SECOND};
use rustix::event::{Timespec, epoll};

use crate::clock::now;
use crate::sys::Outbox;
use crate::tcp::{Connection, Connections};
use crate::worker::{Shared, send_one};

/// Longest datagram taken, as on UDP.
const LONGEST: usize = 2048;
const TICK: Nanos = 100 * MILLISECOND;
const WAKE: u64 = 0;
const FIRST_LISTENER: u64 = 1;
const FIRST_CONNECTION: u64 = 1 << 16;

/// Bounds of ICE-TCP, in the units their names give.
#[derive(Clone, Copy, Debug)]
pub struct TcpLimits {
    /// A connection without an authenticated check for this long is closed.
    pub auth_ms: u64,
    /// Connections at once that have not authenticated.
    pub max_strangers: usize,
    /// The same for one address prefix.
    pub max_strangers_per_prefix: usize,
    /// What may wait for one connection.
    pub queue_bytes: usize,
}

/// The thread's own state.
pub struct TcpLoop {
    shared: Arc<Shared>,
    listeners: Vec<TcpListener>,
    sockets: Arc<Vec<UdpSocket>>,
    connections: Arc<Connections>,
    limits: TcpLimits,
    strangers: Strangers,
    open: HashMap<u64, Open>,
    next_id: u64,
    worker: Worker,
    answers: Answers,
    outbox: Outbox,
}

struct Open {
    connection: Arc<Connection>,
    deframer: Deframer,
    /// When a stranger's time is over.
    deadline: Option<Nanos>,
}

impl TcpLoop {
    /// Watches the listeners.
    pub fn new(
        node: &Arc<Node>,
        shared: Arc<Shared>,
        listeners: Vec<TcpListener>,
        sockets: Arc<Vec<UdpSocket>>,
        connections: Arc<Connections>,
        limits: TcpLimits,
    ) -> std::io::Result<Self> {
        let wake: &OwnedFd = &shared.wake;
        epoll::add(&connections.poll, wake, epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
        for (listener, id) in listeners.iter().zip(FIRST_LISTENER..) {
            let data = epoll::EventData::new_u64(id);
            epoll::add(&connections.poll, listener, data, epoll::EventFlags::IN)?;
        }
        Ok(Self {
            worker: Worker::new(Arc::clone(node)),
            shared,
            listeners,
            sockets,
            connections,
            limits,
            strangers: Strangers::new(limits.max_strangers, limits.max_strangers_per_prefix),
            open: HashMap::new(),
            next_id: FIRST_CONNECTION,
            answers: Answers::default(),
            outbox: Outbox::new(),
        })
    }

    /// Runs until asked to stop, then ends every connection.
    pub fn run(mut self) {
        while !self.shared.stop.load(Ordering::Relaxed) {
            let round = std::panic::AssertUnwindSafe(|| self.rounds());
            if std::panic::catch_unwind(round).is_err() {
                self.shared.panics.fetch_add(1, Ordering::Relaxed);
                self.answers.clear();
            }
        }
        self.connections.remove_all();
    }

    fn rounds(&mut self) {
        let mut events = Vec::with_capacity(64);
        let mut next_tick = 0;
        while !self.shared.stop.load(Ordering::Relaxed) {
            events.clear();
            let timeout = Timespec { tv_sec: 0, tv_nsec: TICK.cast_signed() };
            let buffer = rustix::buffer::spare_capacity(&mut events);
            // An interruption is as good as a time-out.
            let _ = epoll::wait(&self.connections.poll, buffer, Some(&timeout));
            let at = now();
            for event in &events {
                self.on_event(event.data.u64(), event.flags, at);
            }
            if at >= next_tick {
                next_tick = at + TICK;
                self.tick(at);
            }
            self.publish();
        }
    }

    fn publish(&self) {
        self.shared.counters.lock().clone_from(&self.worker.counters);
    }

    fn on_event(&mut self, id: u64, flags: epoll::EventFlags, at: Nanos) {
        if id == WAKE {
            return;
        }
        if id < FIRST_CONNECTION {
            return self.accept((id - FIRST_LISTENER) as usize, at);
        }
        let Some(open) = self.open.get(&id) else { return };
        let connection = Arc::clone(&open.connection);
        if flags.contains(epoll::EventFlags::OUT) {
            self.connections.flush(&connection);
        }
        if flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::HUP | epoll::EventFlags::ERR) {
            self.read(&connection, at);
        }
    }

    fn accept(&mut self, listener: usize, at: Nanos) {
        while let Ok((stream, address)) = self.listeners[listener].accept() {
            let remote = Remote::new(FIRST_TCP_LOCAL + listener as u32, address);
            if !self.strangers.admit(remote.prefix()) {
                self.worker.counters.drops.count(DropReason::TcpRefused);
                continue;
            }
            let id = self.next_id;
            self.next_id += 1;
            let Ok(connection) = self.connections.add(id, remote, stream) else {
                self.strangers.leave(remote.prefix());
                continue;
            };
            let deadline = Some(at + self.limits.auth_ms * MILLISECOND);
            self.open.insert(id, Open { connection, deframer: Deframer::new(LONGEST), deadline });
        }
    }

    fn read(&mut self, connection: &Arc<Connection>, at: Nanos) {
        let mut octets = [0; 16_384];
        let read = match connection.read(&mut octets) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return,
            Ok(0) | Err(_) => return self.end(connection, at),
            Ok(read) => read,
        };
        let Some(open) = self.open.get_mut(&connection.id) else { return };
        let mut deframer = std::mem::replace(&mut open.deframer, Deframer::new(LONGEST));
        let framed = deframer.read(&octets[..read], |datagram| self.take(connection, datagram, at));
        if framed.is_err() {
            if !connection.count(DropReason::TcpMalformed, 1) {
                self.worker.counters.drops.count(DropReason::TcpMalformed);
            }
            return self.end(connection, at);
        }
        if let Some(open) = self.open.get_mut(&connection.id) {
            open.deframer = deframer;
        }
    }

    fn take(&mut self, connection: &Arc<Connection>, datagram: &[u8], at: Nanos) {
        let from = connection.remote;
        let mut buffer = [0; LONGEST + 64];
        buffer[..datagram.len()].copy_from_slice(datagram);
        self.answers.clear();
        let outcome = self.worker.handle(at, from, &mut buffer, datagram.len(), &mut self.answers);
        if datagram.first().is_some_and(|first| *first < 4) {
            self.recognise(connection);
        }
        self.publish();
        if let Outcome::Send { to, len } = outcome {
            let counters = &mut self.worker.counters;
            let sent = send_one(
                &self.sockets,
                Some(&self.connections),
                &mut self.outbox,
                counters,
                to,
                &buffer[..len],
            );
            if sent.is_err() {
                self.worker.on_send_failed(from, len);
            }
        }
        let answers = std::mem::take(&mut self.answers);
        for (to, datagram) in answers.iter() {
            let counters = &mut self.worker.counters;
            let sent =
                send_one(&self.sockets, Some(&self.connections), &mut self.outbox, counters, to, datagram);
            if let Err(reason) = sent {
                self.worker.counters.drops.count(reason);
            }
        }
        self.answers = answers;
    }

    /// Whether a check has made the connection a leg's.
    fn recognise(&mut self, connection: &Arc<Connection>) {
        let Some(leg) = self.worker.owner(connection.remote) else { return };
        connection.belongs_to(leg);
        if let Some(open) = self.open.get_mut(&connection.id)
            && open.deadline.take().is_some()
        {
            self.strangers.leave(connection.remote.prefix());
        }
    }

    /// The connection is over: its leg is to hear that this path is gone.
    fn end(&mut self, connection: &Arc<Connection>, at: Nanos) {
        self.connections.remove(connection);
        if let Some(open) = self.open.remove(&connection.id)
            && open.deadline.is_some()
        {
            self.strangers.leave(connection.remote.prefix());
        }
        self.worker.on_gone(at, connection.remote);
    }

    fn tick(&mut self, at: Nanos) {
        let late = |open: &Open| open.deadline.is_some_and(|deadline| at >= deadline);
        let ended: Vec<_> = self
            .open
            .values()
            .filter(|open| {
                let forgotten =
                    open.connection.is_known() && self.worker.owner(open.connection.remote).is_none();
                late(open) || forgotten
            })
            .map(|open| (Arc::clone(&open.connection), late(open)))
            .collect();
        for (connection, late) in ended {
            if late {
                self.worker.counters.drops.count(DropReason::TcpUnauthenticated);
            }
            self.end(&connection, at);
        }
        self.worker.tick();
    }
}

const _: () = assert!(TICK < SECOND, "the poll's timeout has no seconds");
