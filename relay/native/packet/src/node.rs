//! What all workers of a node share: the rules, the legs by ufrag, and the queue of events.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::quality::RandomState;
use parking_lot::{Mutex, RwLock};

use crate::bucket::PrefixLimiter;
use crate::drops::Drops;
use crate::event::{Event, EventQueue};
use crate::ice::{Changes, PathRules};
use crate::leg::{Leg, unlink};
use crate::stun::IntegrityKey;
use crate::{MILLISECOND, Nanos};

/// The limits of a node, in the units their names give.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Ingress bits per second of one leg.
    pub leg_max_bps: u64,
    /// And how much at once.
    pub leg_burst_bytes: u64,
    /// Validated addresses remembered for a leg.
    pub leg_max_paths: usize,
    /// Silence that is reported.
    pub interrupted_after_ms: u64,
    /// Silence that ends a path.
    pub consent_ms: u64,
    /// Age at which a nomination yields.
    pub path_stale_ms: u64,
    /// Between two keyframe requests to one stream.
    pub keyframe_interval_ms: u64,
    /// Plain Binding requests answered for an address prefix.
    pub stun_per_second: u32,
}

impl Limits {
    fn path_rules(&self) -> PathRules {
        PathRules {
            most: self.leg_max_paths,
            stale: self.path_stale_ms * MILLISECOND,
            interrupted: self.interrupted_after_ms * MILLISECOND,
            consent: self.consent_ms * MILLISECOND,
        }
    }

    /// Between two keyframe requests to one stream.
    #[must_use]
    pub fn keyframe_interval(&self) -> Nanos {
        self.keyframe_interval_ms * MILLISECOND
    }
}

/// What a connectivity check is authenticated by: the relay's own password behind one ufrag of a leg.
pub struct Credentials {
    /// Whose.
    pub leg: Arc<Leg>,
    /// The relay's own password.
    pub password: IntegrityKey,
    /// Counts the leg's restarts.
    pub generation: u64,
}

/// The shared part of a node. Workers read it; asking something of it is for one thread at a time.
pub struct Node {
    /// Its limits.
    pub limits: Limits,
    /// What workers tell.
    pub events: EventQueue,
    /// Answers to plain Binding requests.
    pub stun: Mutex<PrefixLimiter>,
    legs: RwLock<HashMap<u64, Arc<Leg>, RandomState>>,
    by_ufrag: RwLock<HashMap<Box<[u8]>, Arc<Credentials>, RandomState>>,
    next_serial: AtomicU64,
    forgotten: AtomicU64,
    closed_drops: Mutex<Drops>,
}

impl Node {
    /// A node without legs.
    #[must_use]
    pub fn new(limits: Limits, events: EventQueue) -> Self {
        Self {
            limits,
            events,
            stun: Mutex::new(PrefixLimiter::new(limits.stun_per_second)),
            legs: RwLock::default(),
            by_ufrag: RwLock::default(),
            next_serial: AtomicU64::new(1),
            forgotten: AtomicU64::new(0),
            closed_drops: Mutex::default(),
        }
    }

    /// Opens a leg with the relay's own ufrag and password.
    pub fn open_leg(&self, ufrag: &[u8], password: &[u8], now: Nanos) -> Arc<Leg> {
        let serial = self.next_serial.fetch_add(1, Ordering::Relaxed);
        let rules = self.limits.path_rules();
        let burst = self.limits.leg_burst_bytes as f64;
        let leg = Arc::new(Leg::new(serial, ufrag, rules, burst, now));
        self.legs.write().insert(serial, Arc::clone(&leg));
        self.give(&leg, ufrag, password, 0);
        leg
    }

    /// Gives a leg new credentials (RFC 8445 section 9). Those of before stay good for consent until a pair
    /// is nominated with the new ones, except those of a restart that never came to that.
    pub fn restart(&self, leg: &Arc<Leg>, ufrag: &[u8], password: &[u8]) {
        let mut paths = leg.paths.lock();
        let mut ufrags = leg.ufrags.lock();
        for abandoned in ufrags.drain(1..) {
            self.by_ufrag.write().remove(&abandoned);
        }
        ufrags.push(ufrag.into());
        let generation = paths.restart();
        self.give(leg, ufrag, password, generation);
    }

    fn give(&self, leg: &Arc<Leg>, ufrag: &[u8], password: &[u8], generation: u64) {
        let password = IntegrityKey::new(password);
        let credentials = Credentials { leg: Arc::clone(leg), password, generation };
        self.by_ufrag.write().insert(ufrag.into(), Arc::new(credentials));
    }

    /// Only a leg's newest credentials are good from now on.
    fn renew(&self, leg: &Leg) {
        let mut ufrags = leg.ufrags.lock();
        let newest = ufrags.len() - 1;
        for old in ufrags.drain(..newest) {
            self.by_ufrag.write().remove(&old);
        }
    }

    /// Closes a leg: ends its link and forgets its addresses.
    pub fn close_leg(&self, leg: &Arc<Leg>) {
        self.legs.write().remove(&leg.serial);
        let ufrags = leg.ufrags.lock().clone();
        let mut by_ufrag = self.by_ufrag.write();
        for ufrag in &ufrags {
            if by_ufrag.get(ufrag).is_some_and(|found| Arc::ptr_eq(&found.leg, leg)) {
                by_ufrag.remove(ufrag);
            }
        }
        drop(by_ufrag);
        unlink(leg);
        leg.paths.lock().forget_all();
        self.note_forgotten();
        leg.egress.lock().path = None;
        self.closed_drops.lock().add(&leg.drops());
    }

    /// Closes every leg. Legs and their paths, and linked legs, hold each other until then.
    pub fn close_all(&self) {
        let legs: Vec<Arc<Leg>> = self.legs.read().values().cloned().collect();
        for leg in legs {
            self.close_leg(&leg);
        }
    }

    /// The open leg of a ufrag, and how its checks are authenticated.
    #[must_use]
    pub fn credentials_of(&self, ufrag: &[u8]) -> Option<Arc<Credentials>> {
        self.by_ufrag.read().get(ufrag).cloned()
    }

    /// Lets time pass for every leg: call it a few times a second, from one thread.
    pub fn tick(&self, now: Nanos) {
        let legs: Vec<Arc<Leg>> = self.legs.read().values().cloned().collect();
        for leg in legs {
            let mut paths = leg.paths.lock();
            let changes = paths.tick(now);
            self.apply(&leg, changes);
        }
    }

    /// Does what a change of paths entails. The caller holds the leg's `paths`, so that changes and
    /// their events keep their order.
    pub fn apply(&self, leg: &Arc<Leg>, changes: Changes) {
        if let Some(remote) = changes.selected {
            leg.egress.lock().path = Some(remote);
            self.events.push(leg, Event::PathSelected(remote.transport(), remote.address()));
        }
        if changes.renewed.is_some() {
            self.renew(leg);
        }
        if changes.resumed {
            self.events.push(leg, Event::PathResumed);
        }
        if changes.interrupted {
            self.events.push(leg, Event::PathInterrupted);
        }
        if changes.lost {
            leg.egress.lock().path = None;
            self.note_forgotten();
            self.events.push(leg, Event::PathLost);
        }
    }

    /// Addresses may have been forgotten: workers look through their tables at the next tick.
    pub fn note_forgotten(&self) {
        self.forgotten.fetch_add(1, Ordering::Relaxed);
    }

    /// Grows whenever addresses may have been forgotten.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// Drops of legs that are closed.
    #[must_use]
    pub fn closed_drops(&self) -> Drops {
        self.closed_drops.lock().clone()
    }

    /// Legs that are open.
    #[must_use]
    pub fn legs(&self) -> usize {
        self.legs.read().len()
    }
}
