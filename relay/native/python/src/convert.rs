//! Values of `relay.engine.interface` as the core has them.

use burrow_packet::SECOND;
use burrow_packet::drops::Drops;
use burrow_packet::event::Event;
use burrow_packet::ice::Transport;
use burrow_packet::plan::{Kind, LegPlan, TrackPlan};
use burrow_packet::stats::StreamCounters;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::collections::HashMap;

/// `relay.engine.interface.TrackPlan`, by its attributes.
#[derive(FromPyObject)]
pub struct PyTrackPlan {
    mid: String,
    kind: String,
    clock_rates: HashMap<u8, u32>,
    rtx: HashMap<u8, u8>,
    ingress_ssrc: Option<u32>,
    ingress_rtx_ssrc: Option<u32>,
    egress_ssrc: u32,
    egress_rtx_ssrc: Option<u32>,
}

/// A stream's counters as a tuple, in the order of `relay.engine.interface.StreamCounters`.
pub type StreamTuple = (&'static str, u64, u64, u64, f64, u64, u64, Option<f64>);

/// An event: the leg's serial number, the event's name, and what it carries.
pub type EventTuple<'py> = (u64, &'static str, Option<Bound<'py, PyAny>>);

fn kind_of(name: &str) -> PyResult<Kind> {
    match name {
        "audio" => Ok(Kind::Audio),
        "video" => Ok(Kind::Video),
        _ => Err(PyValueError::new_err(format!("A track is audio or video, not {name:?}."))),
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Audio => "audio",
        Kind::Video => "video",
    }
}

impl PyTrackPlan {
    fn into_plan(self) -> PyResult<TrackPlan> {
        Ok(TrackPlan {
            mid: self.mid.into_bytes().into(),
            kind: kind_of(&self.kind)?,
            clock_rates: self.clock_rates.into_iter().collect(),
            rtx: self.rtx.into_iter().collect(),
            ingress_ssrc: self.ingress_ssrc,
            ingress_rtx_ssrc: self.ingress_rtx_ssrc,
            egress_ssrc: self.egress_ssrc,
            egress_rtx_ssrc: self.egress_rtx_ssrc,
        })
    }
}

/// Puts a leg's plan together.
pub fn leg_plan(
    tracks: Vec<PyTrackPlan>,
    cname: &str,
    mid_extension: u8,
    transport_cc_extension: u8,
) -> PyResult<LegPlan> {
    Ok(LegPlan {
        tracks: tracks.into_iter().map(PyTrackPlan::into_plan).collect::<PyResult<_>>()?,
        cname: cname.as_bytes().into(),
        mid_extension,
        transport_cc_extension,
    })
}

/// Counters of a stream.
pub fn stream(counters: &StreamCounters) -> StreamTuple {
    (
        kind_name(counters.kind),
        counters.packets,
        counters.bytes,
        counters.lost,
        counters.jitter_ms,
        counters.retransmissions,
        counters.keyframe_requests,
        counters.last_packet_at.map(|at| at as f64 / SECOND as f64),
    )
}

/// Drops by their labels.
pub fn drops(drops: &Drops) -> HashMap<&'static str, u64> {
    drops.iter().map(|(reason, count)| (reason.label(), count)).collect()
}

/// An event of a leg.
pub fn event(py: Python<'_>, serial: u64, event: Event) -> PyResult<EventTuple<'_>> {
    let (name, detail) = match event {
        Event::DtlsReceived(datagram) => ("dtls_received", Some(PyBytes::new(py, &datagram).into_any())),
        Event::PathSelected(transport, address) => {
            let transport = match transport {
                Transport::Udp => "udp",
                Transport::Tcp => "tcp",
            };
            let detail = (transport, address.ip().to_string(), address.port());
            ("path_selected", Some(detail.into_pyobject(py)?.into_any()))
        }
        Event::PathInterrupted => ("path_interrupted", None),
        Event::PathResumed => ("path_resumed", None),
        Event::PathLost => ("path_lost", None),
        Event::FirstForwarded(kind) => {
            ("first_forwarded", Some(kind_name(kind).into_pyobject(py)?.into_any()))
        }
    };
    Ok((serial, name, detail))
}
