//! The paths of one leg: which remote addresses are validated, which is selected, is it still there
//! (RFC 8445 section 7.3.1.5, RFC 7675). Section 2.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Nanos;
use crate::leg::Leg;
use crate::remote::Remote;

/// How a path's packets travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// RFC 6544, framed as RFC 4571 says.
    Tcp,
    /// Ranks above TCP.
    Udp,
}

/// Times of the path rules.
#[derive(Clone, Copy, Debug)]
pub struct PathRules {
    /// Paths remembered.
    pub most: usize,
    /// A nomination of this age yields to a younger one.
    pub stale: Nanos,
    /// Silence that is reported.
    pub interrupted: Nanos,
    /// Silence that ends the path.
    pub consent: Nanos,
}

/// A validated address of a leg. A worker's table and the leg share it; who forgets it says so here,
/// and the table drops it when it next comes across it.
pub struct Path {
    /// Whose address it is.
    pub leg: Arc<Leg>,
    /// The address.
    pub remote: Remote,
    alive: AtomicBool,
}

impl Path {
    /// Whether it is still the leg's.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }
}

struct Validated {
    path: Arc<Path>,
    heard_at: Nanos,
    nominated_at: Option<Nanos>,
    priority: u32,
    /// A check with the newest credentials came from it.
    current: bool,
}

/// What a check or a tick changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Newly selected.
    pub selected: Option<Remote>,
    /// No check for a while.
    pub interrupted: bool,
    /// Heard again.
    pub resumed: bool,
    /// Consent expired: every path is forgotten.
    pub lost: bool,
    /// The first nomination since a restart: credentials before this generation are over.
    pub renewed: Option<u64>,
}

/// All paths of one leg.
pub struct LegPaths {
    rules: PathRules,
    paths: Vec<Validated>,
    selected: Option<Remote>,
    heard_at: Nanos,
    interrupted: bool,
    /// A path was selected since the beginning or the last loss.
    reached: bool,
    lost: bool,
    /// The number of the newest credentials; each restart counts it up.
    generation: u64,
    /// Of the newest nomination; behind `generation`, the paths of before go on until there is one.
    nominated: u64,
    /// Where the last DTLS datagram came from.
    pub dtls_from: Option<Remote>,
}

impl LegPaths {
    /// Of a leg opened `now`.
    #[must_use]
    pub fn new(rules: PathRules, now: Nanos) -> Self {
        Self {
            rules,
            paths: Vec::new(),
            selected: None,
            heard_at: now,
            interrupted: false,
            reached: false,
            lost: false,
            generation: 0,
            nominated: 0,
            dtls_from: None,
        }
    }

    /// New credentials were given (RFC 8445 section 9): gives their number. What was selected stays so
    /// until a pair is nominated with them.
    pub fn restart(&mut self) -> u64 {
        self.generation += 1;
        for path in &mut self.paths {
            path.current = false;
        }
        self.generation
    }

    /// The selected address.
    #[must_use]
    pub fn selected(&self) -> Option<Remote> {
        self.selected
    }

    /// A check of `leg` came from `remote`, authenticated by the credentials of this `generation`; older
    /// ones do not nominate. Gives the path when it is a new one.
    pub fn checked(
        &mut self,
        leg: &Arc<Leg>,
        remote: Remote,
        nominated: Option<u32>,
        generation: u64,
        now: Nanos,
    ) -> (Changes, Option<Arc<Path>>) {
        let known = self.paths.iter().position(|known| known.path.remote == remote);
        let (at, new) = if let Some(at) = known {
            (at, None)
        } else {
            self.make_room();
            let path = Arc::new(Path { leg: Arc::clone(leg), remote, alive: AtomicBool::new(true) });
            self.paths.push(Validated {
                path: Arc::clone(&path),
                heard_at: now,
                nominated_at: None,
                priority: 0,
                current: false,
            });
            (self.paths.len() - 1, Some(path))
        };
        let current = generation == self.generation;
        let nominated = nominated.filter(|_| current);
        let renewed = (nominated.is_some() && self.restarting()).then_some(generation);
        if renewed.is_some() {
            self.nominated = generation;
            for path in &mut self.paths {
                path.nominated_at = None;
            }
        }
        let path = &mut self.paths[at];
        path.heard_at = now;
        path.current |= current;
        if let Some(priority) = nominated {
            path.nominated_at = Some(now);
            path.priority = priority;
        }
        self.heard_at = now;
        self.lost = false;
        let resumed = std::mem::take(&mut self.interrupted);
        (Changes { selected: self.select(now), resumed, renewed, ..Changes::default() }, new)
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Nanos) -> Changes {
        let silence = now.saturating_sub(self.heard_at);
        if silence >= self.rules.consent && !self.lost {
            self.lost = true;
            self.reached = false;
            self.forget_all();
            return Changes { lost: true, ..Changes::default() };
        }
        let interrupted = silence >= self.rules.interrupted && !self.interrupted && self.reached;
        self.interrupted |= interrupted;
        Changes { selected: self.select(now), interrupted, ..Changes::default() }
    }

    /// The address now belongs to another leg. `true`: it was the selected one.
    pub fn forget(&mut self, remote: Remote) -> bool {
        if let Some(at) = self.paths.iter().position(|known| known.path.remote == remote) {
            self.remove(at);
        }
        let was_selected = self.selected == Some(remote);
        if was_selected {
            self.selected = None;
        }
        was_selected
    }

    /// The address is of no use any more (its TCP connection ended): takes another that was nominated.
    pub fn closed(&mut self, remote: Remote, now: Nanos) -> Changes {
        self.forget(remote);
        if self.dtls_from == Some(remote) {
            self.dtls_from = None;
        }
        let selected = if self.selected.is_none() { self.select(now) } else { None };
        Changes { selected, ..Changes::default() }
    }

    /// Forgets every address.
    pub fn forget_all(&mut self) {
        while !self.paths.is_empty() {
            self.remove(0);
        }
        self.selected = None;
        self.dtls_from = None;
    }

    fn restarting(&self) -> bool {
        self.nominated != self.generation
    }

    fn make_room(&mut self) {
        if self.paths.len() < self.rules.most {
            return;
        }
        let oldest = (0..self.paths.len())
            .filter(|&at| Some(self.paths[at].path.remote) != self.selected)
            .min_by_key(|&at| self.paths[at].heard_at);
        if let Some(at) = oldest {
            self.remove(at);
        }
    }

    fn remove(&mut self, at: usize) {
        self.paths.remove(at).path.alive.store(false, Ordering::Relaxed);
    }

    /// Among freshly nominated pairs: UDP before TCP, then priority, then the latest nomination. When there
    /// is none and the selected one is silent too, one that is heard: consent checks need not nominate
    /// (RFC 7675 section 5.1), and a NAT may have given the client another mapping. Once a restart is done,
    /// only what was checked with its credentials counts.
    fn select(&mut self, now: Nanos) -> Option<Remote> {
        let fresh = |at: Nanos| now.saturating_sub(at) < self.rules.stale;
        let best = |among: &dyn Fn(&Validated) -> bool| {
            let rank = |path: &&Validated| {
                (path.path.remote.transport(), path.priority, path.nominated_at.unwrap_or(0))
            };
            let counts = |path: &&Validated| path.current || self.restarting();
            self.paths
                .iter()
                .filter(counts)
                .filter(|path| among(path))
                .max_by_key(rank)
                .map(|path| path.path.remote)
        };
        let is_nominated = |path: &Validated| path.nominated_at.is_some();
        let mut found = best(&|path| path.nominated_at.is_some_and(fresh));
        if found.is_none() {
            let selected = self.paths.iter().find(|path| Some(path.path.remote) == self.selected);
            if selected.is_some_and(|path| fresh(path.heard_at)) {
                return None;
            }
            let nominated = self.paths.iter().any(is_nominated);
            found = if !self.reached || (self.selected.is_none() && nominated) {
                best(&is_nominated)
            } else {
                best(&|path| fresh(path.heard_at))
            };
        }
        let found = found.filter(|found| self.selected != Some(*found))?;
        self.selected = Some(found);
        self.reached = true;
        Some(found)
    }
}
