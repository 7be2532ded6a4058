//! Drives a packet engine with real SRTP legs, many flows from one thread, in batches.
//!
//! [`Calls`] has far ends whose signaling somebody else has done, each on a socket of its own, at a bit rate.
//!
//! In [`Load`] all legs are on one socket that is bound to no address: each has a loopback address of its own, which
//! every message names as its source, so that packets of many flows go out with one system call. The
//! generator spins while it runs; what it says about its own CPU is therefore how long it ran.
#![forbid(unsafe_code)]

mod bare;
mod calls;
mod latencies;
mod legs;
mod run;
mod turn;

pub use bare::Bare;
pub use calls::{Calls, CallsConfig, FarEnd, LegCount, Snapshot};
pub use latencies::Latencies;
pub use legs::{LoadLeg, Secrets};
pub use run::{Load, LoadConfig, LoadError, Report};
pub use turn::{TurnConfig, TurnLoad};
