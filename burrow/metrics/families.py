"""How the parts' plain values become Prometheus families; every name of ``docs/metrics.md`` is here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from relay.door import HistogramSnapshot, LoadReading, NodeLimits, RelaySnapshot, RelayTotals, SelfTestReport
from signaling.core.tallies import Tallies

LEG_STATES = ("offered", "connecting", "connected", "interrupted")
TRANSPORTS = ("udp", "tcp", "none")
LEVELS = ("normal", "soft", "hard")


def build(version: str, engine: str) -> Iterator[Metric]:
    """What runs."""
    yield InfoMetricFamily(
        "burrow_build", "What runs: version and packet engine.", {"version": version, "engine": engine}
    )


def legs(snapshot: RelaySnapshot) -> Iterator[Metric]:
    """Legs as they are now."""
    family = GaugeMetricFamily(
        "burrow_legs", "Legs by state and transport; none: no path yet.", labels=("state", "transport")
    )
    counts = Counter({(state, transport): 0 for state in LEG_STATES for transport in TRANSPORTS})
    counts.update((leg.state, leg.transport or "none") for leg in snapshot.legs)
    for key, count in counts.items():
        family.add_metric(key, count)
    yield family
    yield GaugeMetricFamily("burrow_links", "Pairs of legs that forward to each other.", snapshot.links)


def relay(totals: RelayTotals) -> Iterator[Metric]:
    """What the relay has counted since its start."""
    yield CounterMetricFamily("burrow_legs_opened", "Legs opened.", totals.legs_opened)
    yield _counted("burrow_legs_refused", "Legs not opened.", "code", totals.legs_refused)
    yield _counted("burrow_legs_ended", "Legs gone.", "reason", totals.legs_ended)
    yield _histogram(
        "burrow_leg_connect_seconds",
        "From a leg's offer to its keys.",
        "transport",
        {str(transport): histogram for transport, histogram in totals.leg_connect_seconds.items()},
    )
    packets = CounterMetricFamily("burrow_packets", "Datagrams of the node.", labels=("direction",))
    octets = CounterMetricFamily("burrow_bytes", "Bytes of those datagrams.", labels=("direction",))
    packets.add_metric(("ingress",), totals.packets_in)
    packets.add_metric(("egress",), totals.packets_out)
    octets.add_metric(("ingress",), totals.bytes_in)
    octets.add_metric(("egress",), totals.bytes_out)
    yield from (packets, octets)
    yield _counted("burrow_packet_drops", "Packets not forwarded.", "reason", totals.drops)
    yield from _streams(totals)
    if totals.latency_seconds is not None:
        yield _histogram(
            "burrow_forwarding_latency_seconds", "How long packets stayed in the relay.", None,
            {"": totals.latency_seconds},
        )  # fmt: skip
    yield _histogram(
        "burrow_event_loop_lag_seconds", "How late the event loop runs what is due.", None,
        {"": totals.lag_seconds},
    )  # fmt: skip


def _streams(totals: RelayTotals) -> Iterator[Metric]:
    names = {
        "packets": ("burrow_media_packets", "RTP packets of tracks."),
        "bytes": ("burrow_media_bytes", "Bytes of those packets, without transport headers."),
        "lost": ("burrow_media_packets_lost", "RTP packets that never came in (RFC 3550)."),
        "retransmissions": ("burrow_retransmissions", "Packets sent again for lost ones (RTX)."),
        "keyframe_requests": ("burrow_keyframe_requests", "Requests for a picture that stands alone."),
    }
    for field, (name, text) in names.items():
        family = CounterMetricFamily(name, text, labels=("kind", "direction"))
        for stream in totals.streams:
            family.add_metric((stream.kind, stream.direction), getattr(stream, field))
        yield family


def load(reading: LoadReading, limits: NodeLimits) -> Iterator[Metric]:
    """Stress, what it is made of, and the operator's limits."""
    yield GaugeMetricFamily(
        "burrow_stress_ratio", "Load over what this machine was found to carry; not clamped.", reading.stress
    )
    shares = GaugeMetricFamily("burrow_stress_share_ratio", "What stress is the largest of.", labels=("of",))
    for share, value in reading.shares.items():
        shares.add_metric((share,), value)
    yield shares
    yield GaugeMetricFamily(
        "burrow_load_level", "0: normal, 1: over the soft limit, 2: over the hard one.",
        LEVELS.index(reading.level),
    )  # fmt: skip
    allowed = GaugeMetricFamily("burrow_stress_limit_ratio", "The operator's limits.", labels=("limit",))
    allowed.add_metric(("soft",), limits.soft)
    allowed.add_metric(("hard",), limits.hard)
    yield allowed
    yield GaugeMetricFamily("burrow_legs_limit", "Legs at once that are taken.", limits.max_legs)
    yield GaugeMetricFamily(
        "burrow_packets_capacity_per_second", "Forwarded packets that fill the machine.",
        reading.packets_capacity,
    )  # fmt: skip
    yield GaugeMetricFamily("burrow_cpu_steal_ratio", "CPU time that others took.", reading.steal)
    yield GaugeMetricFamily(
        "burrow_egress_bytes_per_second", "Sent, averaged over seconds.", reading.egress_bps / 8
    )


def self_test(report: SelfTestReport | None) -> Iterator[Metric]:
    """The node's last test of itself."""
    failures = 0 if report is None else report.failures
    yield GaugeMetricFamily(
        "burrow_self_test_failures_in_a_row", "Failed tests of the node through its addresses.", failures
    )
    last = None if report is None else report.at
    yield GaugeMetricFamily("burrow_self_test_timestamp_seconds", "When it ran last.", last)


def matches(tallies: Tallies, counts: Mapping[str, int]) -> Iterator[Metric]:
    """Matches, the queue, and how routes came up."""
    yield GaugeMetricFamily("burrow_matches_in_progress", "Calls that go on.", counts["matches"])
    yield CounterMetricFamily("burrow_matches_started", "Matches begun.", tallies.matches)
    ended = CounterMetricFamily(
        "burrow_matches_ended", "Matches that are over.", labels=("route", "result", "reason")
    )
    for key, count in tallies.outcomes.items():
        ended.add_metric(key, count)
    yield ended
    yield _histogram(
        "burrow_match_connect_seconds",
        "From a match to its first connected route, by that route.",
        "route",
        {route: histogram.snapshot() for route, histogram in tallies.connect_seconds.items()},
    )
    steps = CounterMetricFamily(
        "burrow_failed_steps", "What went wrong in matches, by where.", labels=("step", "route")
    )
    for (step, route), count in tallies.troubles.items():
        steps.add_metric((step, route), count)
    yield steps
    changes = CounterMetricFamily(
        "burrow_route_changes", "Changes of route that users were told.", labels=("route", "state", "reason")
    )
    for change, count in tallies.routes.items():
        changes.add_metric(change, count)
    yield changes
    yield GaugeMetricFamily("burrow_queue_users", "Users who wait for a match.", counts["waiting"])
    yield _histogram(
        "burrow_queue_wait_seconds", "In the queue, of those matched.", None,
        {"": tallies.wait_seconds.snapshot()},
    )  # fmt: skip


def sockets(tallies: Tallies, counts: Mapping[str, int]) -> Iterator[Metric]:
    """WebSockets and what is said on them."""
    yield GaugeMetricFamily("burrow_websockets", "Open WebSockets.", counts["open"])
    yield GaugeMetricFamily("burrow_users_online", "Users with a seat.", counts["seats"])
    yield _counted("burrow_hellos", "Authentications on sockets, by how they went.", "result", tallies.hellos)
    yield _counted("burrow_messages", "Lawful messages of clients.", "type", tallies.messages)
    yield _counted("burrow_rejections", "What sockets were refused.", "code", tallies.refusals)
    yield _counted("burrow_stale_messages", "Words about a route that is over.", None, {"": tallies.stale})
    yield _counted(
        "burrow_candidates_hidden", "Candidates dropped for hidden addresses.", None, {"": tallies.hidden}
    )
    yield _counted("burrow_reports", "Users reported.", None, {"": tallies.reports})
    yield _counted("burrow_blocks", "Users blocked.", None, {"": tallies.blocks})


def records(backlog: int, dropped: int, refused: int, waiting: int, *, available: bool) -> Iterator[Metric]:
    """The database and what waits for it."""
    yield GaugeMetricFamily("burrow_database_available", "1 while the database answers.", float(available))
    yield GaugeMetricFamily("burrow_database_transactions", "Under way or waiting.", waiting)
    yield GaugeMetricFamily("burrow_record_backlog", "Records that wait for the database.", backlog)
    lost = CounterMetricFamily("burrow_records_lost", "Records not written.", labels=("reason",))
    lost.add_metric(("backlog_full",), dropped)
    lost.add_metric(("refused",), refused)
    yield lost


def webhooks(receivers: Sequence[tuple[Mapping[str, int], int]]) -> Iterator[Metric]:
    """Notices to the operator's own services, of all receivers together."""
    outcomes: Counter[str] = Counter(dict.fromkeys(("delivered", "failed", "dropped"), 0))
    for counted, _ in receivers:
        outcomes.update(counted)
    yield _counted("burrow_webhooks", "Notices by what became of them.", "outcome", outcomes)
    waiting = sum(count for _, count in receivers)
    yield GaugeMetricFamily("burrow_webhooks_waiting", "Notices that wait for their receivers.", waiting)


def _counted(name: str, text: str, label: str | None, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=() if label is None else (label,))
    for value, count in counts.items():
        family.add_metric(() if label is None else (value,), count)
    return family


def _histogram(name: str, text: str, label: str | None, snapshots: Mapping[str, HistogramSnapshot]) -> Metric:
    family = HistogramMetricFamily(name, text, labels=() if label is None else (label,))
    for value, snapshot in snapshots.items():
        family.add_metric(() if label is None else (value,), list(_buckets(snapshot.buckets)), snapshot.sum)
    return family


def _buckets(buckets: Iterable[tuple[float, int]]) -> Iterator[tuple[str, float]]:
    for bound, count in buckets:
        yield ("+Inf" if bound == float("inf") else repr(float(bound))), count
