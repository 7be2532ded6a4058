"""One registry a service: parts are asked for their snapshots when it is scraped, and never between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from burrow.metrics import families
from burrow.webhooks.sender import Receiver
from db.database import Database
from db.match_writer import MatchWriter
from relay.door import Relay
from signaling.live.service import LiveService

DATABASE_BOUNDS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0)


class PartsCollector(Collector):
    """Reads every part once a scrape. A scrape costs about 20 µs a leg on the event loop."""

    def __init__(
        self,
        relay: Relay,
        live: LiveService,
        database: Database,
        writer: MatchWriter,
        receivers: Sequence[Receiver] = (),
        *,
        version: str,
        engine: str,
    ) -> None:
        self._relay, self._live = relay, live
        self._database, self._writer = database, writer
        self._receivers = receivers
        self._version, self._engine = version, engine

    def describe(self) -> Iterator[Metric]:
        """Nothing in advance: names are checked by the tests, and looking would cost a scrape."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        yield from families.build(self._version, self._engine)
        yield from families.legs(self._relay.snapshot())
        yield from families.relay(self._relay.totals())
        yield from families.load(self._relay.load(), self._relay.limits())
        yield from families.self_test(self._relay.self_test())
        yield from families.webhooks([(r.outcomes, r.waiting) for r in self._receivers])
        counts, tallies = self._live.counts, self._live.tallies
        yield from families.matches(tallies, counts)
        yield from families.sockets(tallies, counts)
        yield from families.records(
            self._writer.backlog,
            self._writer.dropped,
            self._writer.refused,
            self._database.waiting,
            available=self._database.available,
        )


class Metrics:
    """The registry, and the few counters that no part keeps itself."""

    def __init__(self) -> None:
        # Series of creation times, three for each histogram, that nothing here reads.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library types most of its functions, not this
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        self.authentications = Counter(
            "burrow_authentications",
            "Registrations, logins, guests, refreshes and hellos, by how they went.",
            ("method", "result"),
            registry=self.registry,
        )
        self._database = Histogram(
            "burrow_database_transaction_seconds",
            "From a transaction's request to its end.",
            ("outcome",),
            buckets=DATABASE_BOUNDS_SECONDS,
            registry=self.registry,
        )

    def add(self, collector: Collector) -> None:
        self.registry.register(collector)

    def database_timing(self, outcome: str, seconds: float) -> None:
        """:data:`db.database.Timing`."""
        self._database.labels(outcome).observe(seconds)

    def exposition(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self.registry)
