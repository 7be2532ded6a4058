//! The load generator as a Python class.

use burrow_load::{LoadConfig, LoadError, Report, Secrets, TurnConfig};
use burrow_packet::srtp::Profile;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

fn profile_of(name: &str) -> PyResult<Profile> {
    Profile::from_name(name).ok_or_else(|| PyValueError::new_err(format!("No SRTP profile {name:?}.")))
}

fn failed(error: &LoadError) -> PyErr {
    let sentence = error.to_string();
    match error {
        LoadError::System(_) => PyOSError::new_err(sentence),
        LoadError::Unanswered(_) => PyRuntimeError::new_err(sentence),
        LoadError::Config(_) => PyValueError::new_err(sentence),
    }
}

fn address(host: &str) -> PyResult<std::net::IpAddr> {
    host.parse().map_err(|_| PyValueError::new_err(format!("{host:?} is no address.")))
}

/// In the order of [`load_leg`].
type LegTuple = (String, String, Py<PyBytes>, Py<PyBytes>, u32, u32);

/// What an engine must be told of a load's leg: ufrag, password, ingress and egress master keys with
/// their salts, and the SSRCs of what it sends and gets.
#[pyfunction]
pub fn load_leg(py: Python<'_>, number: u32, profile: &str) -> PyResult<LegTuple> {
    let leg = Secrets::new(number, profile_of(profile)?);
    let (ingress, egress) = (PyBytes::new(py, &leg.ingress), PyBytes::new(py, &leg.egress));
    Ok((leg.ufrag, leg.password, ingress.into(), egress.into(), leg.ingress_ssrc, leg.egress_ssrc))
}

/// The least that any relay does.
#[pyclass(frozen, module = "burrow_native")]
pub struct Bare(std::sync::Mutex<Option<burrow_load::Bare>>);

#[pymethods]
impl Bare {
    #[new]
    fn new() -> PyResult<Self> {
        Ok(Self(std::sync::Mutex::new(Some(burrow_load::Bare::start()?))))
    }

    fn port(&self) -> u16 {
        self.read(burrow_load::Bare::port).unwrap_or(0)
    }

    fn packets(&self) -> u64 {
        self.read(burrow_load::Bare::packets).unwrap_or(0)
    }

    fn close(&self, py: Python<'_>) {
        let bare = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        py.detach(|| drop(bare));
    }
}

impl Bare {
    fn read<T>(&self, what: impl FnOnce(&burrow_load::Bare) -> T) -> Option<T> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).as_ref().map(what)
    }
}

/// A load generator.
#[pyclass(frozen, module = "burrow_native")]
pub struct Load(std::sync::Mutex<burrow_load::Load>);

#[pymethods]
impl Load {
    #[new]
    #[pyo3(signature = (*, host, port, legs, profile, packet_bytes, train, gso, sample))]
    #[allow(clippy::too_many_arguments)] // named one by one in Python
    fn new(
        py: Python<'_>,
        host: &str,
        port: u16,
        legs: u32,
        profile: &str,
        packet_bytes: usize,
        train: usize,
        gso: bool,
        sample: u64,
    ) -> PyResult<Self> {
        let config = LoadConfig {
            relay: (address(host)?, port).into(),
            legs,
            profile: profile_of(profile)?,
            packet_len: packet_bytes,
            train,
            gso,
            sample,
        };
        let load = py.detach(|| burrow_load::Load::connect(config)).map_err(|error| failed(&error))?;
        Ok(Self(std::sync::Mutex::new(load)))
    }

    #[pyo3(signature = (seconds, rate=None))]
    fn run<'py>(&self, py: Python<'py>, seconds: f64, rate: Option<f64>) -> PyResult<Bound<'py, PyDict>> {
        let report = py.detach(|| {
            let mut load = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            load.run(seconds, rate)
        });
        told(py, &report.map_err(|error| failed(&error))?)
    }

    fn check(&self, py: Python<'_>) -> PyResult<()> {
        let checked =
            py.detach(|| self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).check_all());
        checked.map_err(|error| failed(&error))
    }
}

fn told<'py>(py: Python<'py>, report: &Report) -> PyResult<Bound<'py, PyDict>> {
    let values = PyDict::new(py);
    values.set_item("sent", report.sent)?;
    values.set_item("received", report.received)?;
    values.set_item("refused", report.refused)?;
    values.set_item("bad", report.bad)?;
    values.set_item("seconds", report.seconds)?;
    values.set_item("cpu_seconds", report.cpu_seconds)?;
    values.set_item("latency_us_p50", report.latency_us_p50)?;
    values.set_item("latency_us_p99", report.latency_us_p99)?;
    Ok(values)
}

/// The same load over a TURN server's channels.
#[pyclass(frozen, module = "burrow_native")]
pub struct TurnLoad(std::sync::Mutex<burrow_load::TurnLoad>);

#[pymethods]
impl TurnLoad {
    #[new]
    #[pyo3(signature = (*, host, port, allocations, packet_bytes, train, gso))]
    fn new(
        py: Python<'_>,
        host: &str,
        port: u16,
        allocations: u32,
        packet_bytes: usize,
        train: usize,
        gso: bool,
    ) -> PyResult<Self> {
        let server = (address(host)?, port).into();
        let config = TurnConfig { server, allocations, packet_len: packet_bytes, train, gso };
        let load = py.detach(|| burrow_load::TurnLoad::connect(config)).map_err(|error| failed(&error))?;
        Ok(Self(std::sync::Mutex::new(load)))
    }

    #[pyo3(signature = (seconds, rate=None))]
    fn run<'py>(&self, py: Python<'py>, seconds: f64, rate: Option<f64>) -> PyResult<Bound<'py, PyDict>> {
        let report = py.detach(|| {
            let mut load = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            load.run(seconds, rate)
        });
        told(py, &report.map_err(|error| failed(&error))?)
    }
}
