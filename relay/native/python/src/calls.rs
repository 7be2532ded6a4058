//! Calls of a load as a Python class.

use std::net::UdpSocket;
use std::os::fd::BorrowedFd;
use std::sync::Mutex;

use burrow_load::{CallsConfig, FarEnd};
use burrow_packet::srtp::{BadKeyLength, Profile, Receiver, Sender};
use burrow_packet::stun::IntegrityKey;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Far ends of legs whose handshakes Python has done.
#[pyclass(frozen, module = "burrow_native")]
pub struct Calls(Mutex<Option<burrow_load::Calls>>);

impl Calls {
    fn with<T>(&self, then: impl FnOnce(&burrow_load::Calls) -> T) -> PyResult<T> {
        let calls = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        calls.as_ref().map(then).ok_or_else(|| PyRuntimeError::new_err("The generator is closed."))
    }
}

#[pymethods]
impl Calls {
    #[new]
    #[pyo3(signature = (*, bit_rate, frame_rate, packet_bytes, sample))]
    fn new(bit_rate: u64, frame_rate: u32, packet_bytes: usize, sample: u64) -> PyResult<Self> {
        let config = CallsConfig { bit_rate, frame_rate, packet_len: packet_bytes, sample };
        let calls = burrow_load::Calls::start(config).map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidInput => PyValueError::new_err("No such rate or packet."),
            _ => PyOSError::new_err(error.to_string()),
        })?;
        Ok(Self(Mutex::new(Some(calls))))
    }

    #[pyo3(signature = (*, socket, username, password, profile, outgoing, incoming, ssrc, expected_ssrc))]
    #[allow(clippy::too_many_arguments)] // named one by one in Python
    fn add(
        &self,
        socket: i32,
        username: String,
        password: &str,
        profile: &str,
        outgoing: &[u8],
        incoming: &[u8],
        ssrc: u32,
        expected_ssrc: u32,
    ) -> PyResult<usize> {
        let profile = Profile::from_name(profile)
            .ok_or_else(|| PyValueError::new_err(format!("No SRTP profile {profile:?}.")))?;
        let wrong = |_: BadKeyLength| PyValueError::new_err("The keys have not the profile's length.");
        let sender = Sender::new(profile, outgoing).map_err(wrong)?;
        let receiver = Receiver::new(profile, incoming).map_err(wrong)?;
        if socket < 0 {
            return Err(PyValueError::new_err("The socket is closed."));
        }
        // SAFETY: it is not -1, and Python's socket object keeps it open for as long as this call takes.
        let socket = unsafe { BorrowedFd::borrow_raw(socket) };
        let socket = UdpSocket::from(socket.try_clone_to_owned()?);
        let password = IntegrityKey::new(password.as_bytes());
        let far = FarEnd { socket, username, password, sender, receiver, ssrc, expected_ssrc };
        self.with(|calls| calls.add(far))
    }

    fn begin(&self, leg: usize) -> PyResult<()> {
        self.with(|calls| calls.begin(leg))
    }

    fn stop_all(&self) -> PyResult<()> {
        self.with(burrow_load::Calls::stop_all)
    }

    fn report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counted = self.with(burrow_load::Calls::snapshot)?;
        let values = PyDict::new(py);
        let legs: Vec<(u64, u64)> = counted.legs.iter().map(|leg| (leg.sent, leg.received)).collect();
        values.set_item("legs", legs)?;
        values.set_item("refused", counted.refused)?;
        values.set_item("bad", counted.bad)?;
        values.set_item("frames", counted.frames)?;
        values.set_item("late", counted.late)?;
        values.set_item("cpu_seconds", counted.cpu_seconds)?;
        for (name, of) in [("p50", 500), ("p95", 950), ("p99", 990)] {
            values.set_item(format!("latency_us_{name}"), counted.latencies.permille_us(of))?;
        }
        Ok(values)
    }

    fn close(&self, py: Python<'_>) {
        let calls = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        py.detach(|| drop(calls));
    }
}
