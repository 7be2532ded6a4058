//! The engine: starts and stops the workers, and carries out what is asked of it.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use burrow_packet::Nanos;
use burrow_packet::drops::{Drop as DropReason, Drops};
use burrow_packet::event::{Event, EventQueue};
use burrow_packet::leg::{Leg, NotReady, link, unlink};
use burrow_packet::node::{Limits, Node};
use burrow_packet::stats::NodeCounters;
use burrow_packet::worker::Answers;
use parking_lot::Mutex;
use rustix::event::{EventfdFlags, eventfd};

use crate::bind::{BindFailed, bind_all, bind_tcp};
use crate::clock::now;
use crate::histogram::BUCKET_BOUNDS_US;
use crate::sys::{Outbox, set_gro, set_whole};
use crate::tcp::Connections;
use crate::tcp_loop::{TcpLimits, TcpLoop};
use crate::worker::{Loop, MAX_ADDRESSES, Shared, send_one};

/// Kernel buffer of each socket of the second STUN port.
const STUN_BUFFER_BYTES: usize = 262_144;

/// How workers read and send.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// Threads.
    pub workers: usize,
    /// Send trains to one address as one message (UDP_SEGMENT).
    pub gso: bool,
    /// Take trains from one address as one message (UDP_GRO).
    pub gro: bool,
    /// Longest wait for more packets before a reading; 0 never waits.
    pub wait: Nanos,
}

/// What an engine is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// To bind, one socket for each and each worker.
    pub addresses: Vec<IpAddr>,
    /// 0 takes a free one.
    pub port: u16,
    /// Second port that answers plain Binding requests and nothing else, if there is to be one.
    pub stun_port: Option<u16>,
    /// Port of the passive ICE-TCP candidates and their bounds, if there are to be any.
    pub tcp: Option<(u16, TcpLimits)>,
    /// Of the node.
    pub limits: Limits,
    /// Kernel buffer of each socket.
    pub socket_buffer_bytes: usize,
    /// Of the workers.
    pub tuning: Tuning,
}

/// Why an engine did not start.
#[derive(Debug)]
pub enum EngineError {
    /// An address could not be bound.
    Bind(BindFailed),
    /// No address, or more than an engine takes.
    AddressCount,
    /// The system refused something else.
    System(io::Error),
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(BindFailed { address, error }) => {
                write!(f, "Cannot bind UDP {} port {}: {error}.", address.ip(), address.port())
            }
            Self::AddressCount => write!(f, "An engine takes 1 to {MAX_ADDRESSES} addresses."),
            Self::System(error) => write!(f, "Cannot start the packet engine: {error}."),
        }
    }
}

impl std::error::Error for EngineError {}

/// A running engine. Dropping it stops its workers.
pub struct Engine {
    node: Arc<Node>,
    sockets: Arc<Vec<UdpSocket>>,
    bound: Vec<SocketAddr>,
    bound_stun: Vec<SocketAddr>,
    bound_tcp: Vec<SocketAddr>,
    connections: Option<Arc<Connections>>,
    workers: Vec<(Arc<Shared>, JoinHandle<()>)>,
    readable: Arc<OwnedFd>,
    sending: Mutex<Sending>,
}

/// What is sent on behalf of the asker rather than by a worker.
struct Sending {
    outbox: Box<Outbox>,
    answers: Answers,
    counters: NodeCounters,
}

impl Engine {
    /// Binds every address and starts the workers.
    ///
    /// # Errors
    /// [`EngineError`]; nothing is left running then.
    pub fn start(config: &Config) -> Result<Self, EngineError> {
        if config.addresses.is_empty() || config.addresses.len() > MAX_ADDRESSES {
            return Err(EngineError::AddressCount);
        }
        let count = config.tuning.workers.max(1);
        let sockets = bind_all(&config.addresses, config.port, count, config.socket_buffer_bytes)
            .map_err(EngineError::Bind)?;
        for socket in sockets.iter().flatten().filter(|_| config.tuning.gro) {
            set_gro(socket, true).map_err(EngineError::System)?;
        }
        // Where it is refused, packets cost a little more.
        for socket in sockets.iter().flatten() {
            let _ = set_whole(socket, true);
        }
        let bound = sockets[0].iter().map(UdpSocket::local_addr).collect::<Result<_, _>>();
        let bound: Vec<SocketAddr> = bound.map_err(EngineError::System)?;
        let mut sockets = sockets;
        let mut bound_stun = Vec::new();
        if let Some(port) = config.stun_port {
            let plain = bind_all(&config.addresses, port, 1, STUN_BUFFER_BYTES).map_err(EngineError::Bind)?;
            for socket in plain.into_iter().flatten() {
                bound_stun.push(socket.local_addr().map_err(EngineError::System)?);
                sockets[0].push(socket);
            }
        }
        let new_wake = || eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC);
        let readable = Arc::new(new_wake().map_err(system)?);
        let wake = Arc::clone(&readable);
        let events = EventQueue::new(Box::new(move || signal(&wake)));
        let node = Arc::new(Node::new(config.limits, events));
        let sockets: Vec<Arc<Vec<UdpSocket>>> = sockets.into_iter().map(Arc::new).collect();
        let sending = Sending {
            outbox: Box::default(),
            answers: Answers::default(),
            counters: NodeCounters::default(),
        };
        let mut engine = Self {
            node,
            sockets: Arc::clone(&sockets[0]),
            bound,
            bound_stun,
            bound_tcp: Vec::new(),
            connections: None,
            workers: Vec::with_capacity(count),
            readable,
            sending: Mutex::new(sending),
        };
        if let Some((port, limits)) = config.tcp {
            engine.start_tcp(&config.addresses, port, limits)?;
        }
        for (number, sockets) in sockets.into_iter().enumerate() {
            let shared = Arc::new(Shared::new().map_err(system)?);
            let work = Loop {
                number,
                node: Arc::clone(&engine.node),
                shared: Arc::clone(&shared),
                sockets,
                for_legs: config.addresses.len(),
                connections: engine.connections.clone(),
                tuning: config.tuning,
            };
            let thread = std::thread::Builder::new()
                .name(format!("burrow-relay-{number}"))
                .spawn(move || {
                    // A wait is to last as long as it says; the default slack is 50 microseconds.
                    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
                    work.run();
                })
                .map_err(EngineError::System)?;
            engine.workers.push((shared, thread));
        }
        Ok(engine)
    }

    fn start_tcp(&mut self, addresses: &[IpAddr], port: u16, limits: TcpLimits) -> Result<(), EngineError> {
        let listeners = bind_tcp(addresses, port).map_err(EngineError::Bind)?;
        for listener in &listeners {
            self.bound_tcp.push(listener.local_addr().map_err(EngineError::System)?);
        }
        let connections = Connections::new(limits.queue_bytes).map_err(EngineError::System)?;
        let connections = Arc::new(connections);
        let shared = Arc::new(Shared::new().map_err(system)?);
        let work = TcpLoop::new(
            &self.node,
            Arc::clone(&shared),
            listeners,
            Arc::clone(&self.sockets),
            Arc::clone(&connections),
            limits,
        );
        let work = work.map_err(EngineError::System)?;
        let thread = std::thread::Builder::new().name("burrow-relay-tcp".into()).spawn(move || work.run());
        self.workers.push((shared, thread.map_err(EngineError::System)?));
        self.connections = Some(connections);
        Ok(())
    }

    /// Where the ICE-TCP listeners are, in the order of the configuration; empty when there are none.
    #[must_use]
    pub fn bound_tcp(&self) -> &[SocketAddr] {
        &self.bound_tcp
    }

    /// Stops the workers and waits for them; the sockets close with the engine.
    pub fn stop(&mut self) {
        for (shared, _) in &self.workers {
            shared.stop.store(true, Ordering::Relaxed);
            signal(&shared.wake);
        }
        for (_, thread) in self.workers.drain(..) {
            // A worker catches its panics, so there is nothing to hear from it.
            let _ = thread.join();
        }
        self.node.close_all();
    }

    /// What was bound, in the order of the configuration.
    #[must_use]
    pub fn bound(&self) -> &[SocketAddr] {
        &self.bound
    }

    /// Where the second STUN port is, in the order of the configuration; empty when there is none.
    #[must_use]
    pub fn bound_stun(&self) -> &[SocketAddr] {
        &self.bound_stun
    }

    /// Becomes readable when there are events; [`Engine::take_events`] makes it unreadable again.
    #[must_use]
    pub fn events_fd(&self) -> BorrowedFd<'_> {
        self.readable.as_fd()
    }

    /// All events that wait, oldest first.
    #[must_use]
    pub fn take_events(&self) -> impl ExactSizeIterator<Item = (Arc<Leg>, Event)> + use<> {
        // The count of an eventfd says nothing here: whatever was signalled is taken below.
        let _ = rustix::io::read(&self.readable, &mut [0; 8]);
        self.node.events.take().into_iter()
    }

    /// Opens a leg with the relay's own ufrag and password.
    #[must_use]
    pub fn open_leg(&self, ufrag: &[u8], password: &[u8]) -> Arc<Leg> {
        self.node.open_leg(ufrag, password, now())
    }

    /// Gives a leg new credentials; those of before stay good for consent until the new ones nominate.
    pub fn restart(&self, leg: &Arc<Leg>, ufrag: &[u8], password: &[u8]) {
        self.node.restart(leg, ufrag, password);
    }

    /// Closes a leg.
    pub fn close_leg(&self, leg: &Arc<Leg>) {
        self.node.close_leg(leg);
    }

    /// Links two legs with new offsets, and asks both sides for a keyframe.
    ///
    /// # Errors
    /// [`NotReady`]; nothing has changed then.
    pub fn link(&self, a: &Arc<Leg>, b: &Arc<Leg>) -> Result<(), NotReady> {
        let requests = link(a, b, self.node.limits.keyframe_interval(), now())?;
        let mut sending = self.sending.lock();
        for (leg, request) in [a, b].into_iter().zip(requests) {
            if let Some(request) = request {
                sending.answers.push_rtcp(&mut leg.egress.lock(), &request);
            }
        }
        let Sending { outbox, answers, counters } = &mut *sending;
        for (to, datagram) in answers.iter() {
            if let Err(reason) =
                send_one(&self.sockets, self.connections.as_deref(), outbox, counters, to, datagram)
            {
                counters.drops.count(reason);
            }
        }
        answers.clear();
        Ok(())
    }

    /// Ends a leg's link.
    pub fn unlink(&self, leg: &Arc<Leg>) {
        unlink(leg);
    }

    /// Sends to the selected path, before there is one to the address last heard.
    pub fn send_dtls(&self, leg: &Leg, datagram: &[u8]) {
        let paths = leg.paths.lock();
        let to = paths.selected().or(paths.dtls_from);
        drop(paths);
        let mut sending = self.sending.lock();
        let Sending { outbox, counters, .. } = &mut *sending;
        let sent = to.ok_or(DropReason::NoPath);
        let sent = sent.and_then(|to| {
            send_one(&self.sockets, self.connections.as_deref(), outbox, counters, to, datagram)
        });
        drop(sending);
        if let Err(reason) = sent {
            leg.egress.lock().drops.count(reason);
        }
    }

    /// Of all workers and of no leg.
    #[must_use]
    pub fn totals(&self) -> NodeCounters {
        let mut totals = self.sending.lock().counters.clone();
        for (shared, _) in &self.workers {
            totals.add(&shared.counters.lock());
        }
        let closed: Drops = self.node.closed_drops();
        totals.drops.add(&closed);
        totals
    }

    /// Packets by how long they stayed; see [`BUCKET_BOUNDS_US`].
    #[must_use]
    pub fn latency(&self) -> [u64; BUCKET_BOUNDS_US.len() + 1] {
        let mut sums = [0; BUCKET_BOUNDS_US.len() + 1];
        for (shared, _) in &self.workers {
            shared.latency.add_to(&mut sums);
        }
        sums
    }

    /// Rounds of workers that ended in a panic, and events dropped for want of a reader.
    #[must_use]
    pub fn faults(&self) -> (u64, u64) {
        let panics = self.workers.iter().map(|(shared, _)| shared.panics.load(Ordering::Relaxed));
        (panics.sum(), self.node.events.dropped())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

fn system(error: rustix::io::Errno) -> EngineError {
    EngineError::System(error.into())
}

/// Makes an eventfd readable. It fails only when its count is full, and then it is readable.
fn signal(wake: &OwnedFd) {
    let _ = rustix::io::write(wake, &1_u64.to_ne_bytes());
}
