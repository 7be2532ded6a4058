//! The engine as a Python class.

use std::collections::HashMap;
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use burrow_engine::{Config, EngineError, TcpLimits, Tuning};
use burrow_packet::drops::Drops;
use burrow_packet::leg::{Leg, NotReady};
use burrow_packet::node::Limits;
use burrow_packet::srtp::Profile;
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyKeyError, PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::convert::{self, EventTuple, PyTrackPlan, StreamTuple};

create_exception!(burrow_native, BindFailed, PyException, "An address could not be bound.");

/// Counters of a leg: ingress, egress, the link's packets, bytes and losses, and drops.
type LegTuple = (Vec<StreamTuple>, Vec<StreamTuple>, (u64, u64, u64), HashMap<&'static str, u64>);

/// A node's packet path. Legs are named by the serial numbers that `open_leg` gives.
#[pyclass(frozen, module = "burrow_native")]
pub struct Engine {
    running: std::sync::Mutex<Option<Running>>,
}

struct Running {
    engine: burrow_engine::Engine,
    legs: HashMap<u64, Arc<Leg>>,
}

impl Running {
    fn leg(&self, serial: u64) -> PyResult<&Arc<Leg>> {
        self.legs.get(&serial).ok_or_else(|| PyKeyError::new_err(serial))
    }
}

impl Engine {
    fn with<T>(&self, then: impl FnOnce(&mut Running) -> PyResult<T>) -> PyResult<T> {
        // The lock is held by Python's thread alone; a panic under it leaves nothing half done.
        let mut running = self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match running.as_mut() {
            Some(running) => then(running),
            None => Err(PyRuntimeError::new_err("The engine is closed.")),
        }
    }
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (
        *, addresses, udp_port, stun_port, tcp_port, tcp_auth_ms,
        tcp_max_strangers, tcp_max_strangers_per_prefix, tcp_queue_bytes, leg_max_bps, leg_burst_bytes, leg_max_paths, interrupted_after_ms,
        consent_ms, path_stale_ms, keyframe_interval_ms, stun_per_second, socket_buffer_bytes,
        workers, gso, gro, wait_us
    ))]
    #[allow(clippy::too_many_arguments)] // named one by one in Python, where the settings have defaults
    fn new(
        addresses: Vec<IpAddr>,
        udp_port: u16,
        stun_port: Option<u16>,
        tcp_port: Option<u16>,
        tcp_auth_ms: u64,
        tcp_max_strangers: usize,
        tcp_max_strangers_per_prefix: usize,
        tcp_queue_bytes: usize,
        leg_max_bps: u64,
        leg_burst_bytes: u64,
        leg_max_paths: usize,
        interrupted_after_ms: u64,
        consent_ms: u64,
        path_stale_ms: u64,
        keyframe_interval_ms: u64,
        stun_per_second: u32,
        socket_buffer_bytes: usize,
        workers: usize,
        gso: bool,
        gro: bool,
        wait_us: u64,
    ) -> PyResult<Self> {
        let tcp = TcpLimits {
            auth_ms: tcp_auth_ms,
            max_strangers: tcp_max_strangers,
            max_strangers_per_prefix: tcp_max_strangers_per_prefix,
            queue_bytes: tcp_queue_bytes,
        };
        let config = Config {
            addresses,
            port: udp_port,
            stun_port,
            tcp: tcp_port.map(|port| (port, tcp)),
            limits: Limits {
                leg_max_bps,
                leg_burst_bytes,
                leg_max_paths,
                interrupted_after_ms,
                consent_ms,
                path_stale_ms,
                keyframe_interval_ms,
                stun_per_second,
            },
            socket_buffer_bytes,
            tuning: Tuning { workers, gso, gro, wait: wait_us * 1000 },
        };
        let engine = burrow_engine::Engine::start(&config).map_err(|error| match error {
            EngineError::Bind(_) => BindFailed::new_err(error.to_string()),
            EngineError::AddressCount => PyValueError::new_err(error.to_string()),
            EngineError::System(error) => PyOSError::new_err(error.to_string()),
        })?;
        let running = Running { engine, legs: HashMap::new() };
        Ok(Self { running: std::sync::Mutex::new(Some(running)) })
    }

    fn close(&self, py: Python<'_>) {
        let running = self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        // Workers are waited for, for as long as a round takes.
        py.detach(|| drop(running));
    }

    fn bound(&self) -> PyResult<Vec<(String, u16)>> {
        self.with(|running| {
            let bound = running.engine.bound().iter();
            Ok(bound.map(|address| (address.ip().to_string(), address.port())).collect())
        })
    }

    fn bound_stun(&self) -> PyResult<Vec<(String, u16)>> {
        self.with(|running| {
            let bound = running.engine.bound_stun().iter();
            Ok(bound.map(|address| (address.ip().to_string(), address.port())).collect())
        })
    }

    fn bound_tcp(&self) -> PyResult<Vec<(String, u16)>> {
        self.with(|running| {
            let bound = running.engine.bound_tcp().iter();
            Ok(bound.map(|address| (address.ip().to_string(), address.port())).collect())
        })
    }

    fn events_fd(&self) -> PyResult<i32> {
        self.with(|running| Ok(running.engine.events_fd().as_raw_fd()))
    }

    fn take_events<'py>(&self, py: Python<'py>) -> PyResult<Vec<EventTuple<'py>>> {
        self.with(|running| {
            let events = running.engine.take_events();
            events.map(|(leg, event)| convert::event(py, leg.serial, event)).collect()
        })
    }

    fn open_leg(&self, ufrag: &str, password: &str) -> PyResult<u64> {
        self.with(|running| {
            let leg = running.engine.open_leg(ufrag.as_bytes(), password.as_bytes());
            let serial = leg.serial;
            running.legs.insert(serial, leg);
            Ok(serial)
        })
    }

    fn restart(&self, leg: u64, ufrag: &str, password: &str) -> PyResult<()> {
        self.with(|running| {
            running.engine.restart(running.leg(leg)?, ufrag.as_bytes(), password.as_bytes());
            Ok(())
        })
    }

    fn close_leg(&self, leg: u64) -> PyResult<()> {
        self.with(|running| {
            let leg = running.legs.remove(&leg).ok_or_else(|| PyKeyError::new_err(leg))?;
            running.engine.close_leg(&leg);
            Ok(())
        })
    }

    fn set_keys(&self, leg: u64, profile: &str, ingress: &[u8], egress: &[u8]) -> PyResult<()> {
        self.with(|running| {
            let leg = running.leg(leg)?;
            let profile = Profile::from_name(profile)
                .ok_or_else(|| PyValueError::new_err(format!("No SRTP profile {profile:?}.")))?;
            leg.set_keys(profile, ingress, egress).map_err(|_| {
                let expected = profile.key_len() + profile.salt_len();
                PyValueError::new_err(format!("{} takes {expected} octets.", profile.name()))
            })
        })
    }

    fn set_plan(
        &self,
        leg: u64,
        tracks: Vec<PyTrackPlan>,
        cname: &str,
        mid_extension: u8,
        transport_cc_extension: u8,
    ) -> PyResult<()> {
        self.with(|running| {
            let plan = convert::leg_plan(tracks, cname, mid_extension, transport_cc_extension)?;
            let unusable = |why| PyValueError::new_err(format!("The plan cannot be used: {why:?}."));
            running.leg(leg)?.set_plan(plan).map_err(unusable)
        })
    }

    fn link(&self, a: u64, b: u64) -> PyResult<()> {
        self.with(|running| {
            running.engine.link(running.leg(a)?, running.leg(b)?).map_err(|why| {
                PyValueError::new_err(match why {
                    NotReady::Linked(leg) => ("is linked already", leg),
                    NotReady::Incomplete(leg) => ("has no keys or no plan yet", leg),
                })
            })
        })
    }

    fn unlink(&self, leg: u64) -> PyResult<()> {
        self.with(|running| {
            running.engine.unlink(running.leg(leg)?);
            Ok(())
        })
    }

    fn send_dtls(&self, leg: u64, datagram: &[u8]) -> PyResult<()> {
        self.with(|running| {
            running.engine.send_dtls(running.leg(leg)?, datagram);
            Ok(())
        })
    }

    fn counters(&self, leg: u64) -> PyResult<LegTuple> {
        self.with(|running| {
            let counters = running.leg(leg)?.counters();
            let link = (counters.link.packets, counters.link.bytes, counters.link.lost);
            Ok((
                counters.ingress.iter().map(convert::stream).collect(),
                counters.egress.iter().map(convert::stream).collect(),
                link,
                convert::drops(&counters.drops),
            ))
        })
    }

    fn totals(&self) -> PyResult<([u64; 4], HashMap<&'static str, u64>)> {
        self.with(|running| {
            let totals = running.engine.totals();
            let drops: &Drops = &totals.drops;
            let sums = [totals.packets_in, totals.packets_out, totals.bytes_in, totals.bytes_out];
            Ok((sums, convert::drops(drops)))
        })
    }

    fn latency(&self) -> PyResult<Vec<(Option<u64>, u64)>> {
        self.with(|running| {
            let bounds = burrow_engine::BUCKET_BOUNDS_US.into_iter().map(Some).chain([None]);
            Ok(bounds.zip(running.engine.latency()).collect())
        })
    }

    fn faults(&self) -> PyResult<(u64, u64)> {
        self.with(|running| Ok(running.engine.faults()))
    }
}
