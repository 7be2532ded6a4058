//! What the packet path tells the rest of the relay, through one bounded queue.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::ice::Transport;
use crate::leg::Leg;
use crate::plan::Kind;

/// DTLS datagrams of one leg that may wait; a further one is dropped (`dtls_queue_full`), which DTLS
/// repairs as any loss.
pub const MAX_DTLS: u32 = 16;
/// Path changes of one leg that may wait; a further one replaces the last.
const MAX_PATHS: u32 = 16;
/// Events that may wait altogether; further ones are dropped and counted. It takes a stalled reader
/// and thousands of legs to come here.
const MAX_EVENTS: usize = 65_536;

/// What happened to a leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// For the leg's DTLS transport.
    DtlsReceived(Vec<u8>),
    /// Also when a later nomination moves the path.
    PathSelected(Transport, SocketAddr),
    /// No authenticated check for a few seconds.
    PathInterrupted,
    /// Heard again.
    PathResumed,
    /// Consent expired.
    PathLost,
    /// First packet of a kind forwarded to the leg over its link.
    FirstForwarded(Kind),
}

/// The queue between the packet path and whoever reads events.
pub struct EventQueue {
    waiting: Mutex<VecDeque<(Arc<Leg>, Event)>>,
    wake: Box<dyn Fn() + Send + Sync>,
    dropped: AtomicU64,
}

impl EventQueue {
    /// `wake` is called when the queue is no longer empty; it must not block.
    #[must_use]
    pub fn new(wake: Box<dyn Fn() + Send + Sync>) -> Self {
        Self { waiting: Mutex::new(VecDeque::new()), wake, dropped: AtomicU64::new(0) }
    }

    /// Puts an event at the end. `false`: it was dropped.
    pub fn push(&self, leg: &Arc<Leg>, event: Event) -> bool {
        let mut waiting = self.waiting.lock();
        match event {
            Event::DtlsReceived(_) => {
                if leg.queued.dtls.load(Ordering::Relaxed) >= MAX_DTLS {
                    return false;
                }
                leg.queued.dtls.fetch_add(1, Ordering::Relaxed);
            }
            Event::PathSelected(..) => {
                if leg.queued.paths.load(Ordering::Relaxed) >= MAX_PATHS {
                    let last = waiting.iter_mut().rev().find(|(other, event)| {
                        Arc::ptr_eq(other, leg) && matches!(event, Event::PathSelected(..))
                    });
                    if let Some(last) = last {
                        last.1 = event;
                    }
                    return true;
                }
                leg.queued.paths.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
        if waiting.len() >= MAX_EVENTS {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        let was_empty = waiting.is_empty();
        waiting.push_back((Arc::clone(leg), event));
        drop(waiting);
        if was_empty {
            (self.wake)();
        }
        true
    }

    /// Takes all events, oldest first.
    pub fn take(&self) -> VecDeque<(Arc<Leg>, Event)> {
        let taken = std::mem::take(&mut *self.waiting.lock());
        for (leg, event) in &taken {
            match event {
                Event::DtlsReceived(_) => leg.queued.dtls.fetch_sub(1, Ordering::Relaxed),
                Event::PathSelected(..) => leg.queued.paths.fetch_sub(1, Ordering::Relaxed),
                _ => continue,
            };
        }
        taken
    }

    /// Events dropped because the queue was full.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
