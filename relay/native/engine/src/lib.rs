//! The shell of the native packet engine: it moves datagrams between sockets and
//! [`burrow_packet::worker::Worker`], reads the clock, and owns the threads.
//!
//! Each worker is a thread with a socket of its own on every announced address (SO_REUSEPORT); the
//! kernel gives all packets of a remote address to the same one. Workers share legs, not sockets or
//! tables, and send from their own sockets, so no packet is handed from one to another.
#![deny(unsafe_code)]

mod bind;
mod clock;
mod engine;
mod grouping;
mod histogram;
mod pace;
#[allow(unsafe_code)] // the only system calls without a safe wrapper: see its head
mod sys;
mod tcp;
mod tcp_loop;
mod worker;

pub use bind::BindFailed;
pub use clock::now;
pub use engine::{Config, Engine, EngineError, Tuning};
pub use histogram::{BUCKET_BOUNDS_US, Histogram};
pub use sys::{Inbox, MAX_READ, Message, Outbox, set_gro, set_whole};
pub use tcp_loop::TcpLimits;
