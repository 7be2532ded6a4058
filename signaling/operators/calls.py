"""A call in progress for an operator: what the live part knows, with what the relay measured. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from relay.door import LegId
from signaling.core.watch import CallView, EndView
from signaling.messages import RouteName
from signaling.operators.bodies import CallBody, CallCounts, EndBody, Sample, SampleEnd, transport_of
from signaling.operators.rates import LegRates

_BADNESS = {"poor": 2, "fair": 1, "good": 0, None: 0}


def call_body(view: CallView, rates: Mapping[LegId, LegRates]) -> CallBody:
    """One call."""
    return CallBody(
        match=view.match,
        started_at=view.started_at,
        age_seconds=round(view.age_seconds, 1),
        route=view.route,
        state=view.state,
        connect_ms=view.connect_ms,
        a=_end(view.ends[0], view.route, rates),
        b=_end(view.ends[1], view.route, rates),
    )


def worst_first(calls: Sequence[CallBody], most: int) -> tuple[CallBody, ...]:
    """Those an operator should look at first: interrupted, of poor quality, then the oldest."""
    return tuple(sorted(calls, key=_rank)[:most])


def count(calls: Sequence[CallBody]) -> CallCounts:
    """How many of each kind."""
    return CallCounts(
        direct=sum(call.route == "direct" for call in calls),
        relay=sum(call.route == "relay" for call in calls),
        connecting=sum(call.state == "connecting" for call in calls),
        interrupted=sum(call.state == "interrupted" for call in calls),
    )


def sample(call: CallBody) -> Sample:
    """How it is now."""
    return Sample(round(call.age_seconds * 1000), call.route, _sample_end(call.a), _sample_end(call.b))


def _rank(call: CallBody) -> tuple[bool, int, float]:
    worst = max(_BADNESS[call.a.quality], _BADNESS[call.b.quality])
    return call.state != "interrupted", -worst, call.started_at


def _end(end: EndView, route: RouteName | None, rates: Mapping[LegId, LegRates]) -> EndBody:
    """The relay's own counts where it carries the call; else the client's word is all there is."""
    said = end.quality
    measured = rates.get(end.leg) if end.leg is not None and route != "direct" else None
    rtt_ms = said.rtt_ms if said is not None else None
    if rtt_ms is None and route == "direct" and end.direct is not None:
        rtt_ms = end.direct.rtt_ms
    transport = measured.transport if measured is not None else None
    return EndBody(
        user=end.user,
        name=end.name,
        away=end.away,
        transport=transport_of(route, transport or end.transport),
        sent_bps=measured.ingress_bps if measured else said.sent_bps if said else None,
        received_bps=measured.egress_bps if measured else said.received_bps if said else None,
        sent_loss_permille=measured.loss_permille if measured else None,
        received_loss_permille=said.loss_permille if said else None,
        jitter_ms=measured.jitter_ms if measured else None,
        rtt_ms=None if rtt_ms is None else round(rtt_ms, 1),
        quality=said.level if said else None,
        quality_reason=said.reason if said else None,
        quality_age_seconds=None if end.quality_age_seconds is None else round(end.quality_age_seconds, 1),
    )


def _sample_end(end: EndBody) -> SampleEnd:
    return SampleEnd(
        end.sent_bps,
        end.received_bps,
        end.sent_loss_permille,
        end.received_loss_permille,
        end.rtt_ms,
        end.quality,
    )
