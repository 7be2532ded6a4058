"""The pure parts: rates from counters, minutes from looks, a call's samples and steps, who comes first."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.door import LegId, LegSnapshot, LoadReading, RelaySnapshot, TrackSnapshot
from signaling.core.watch import CallView, EndView
from signaling.messages import DirectStats, Quality, QualityLevel
from signaling.operators.bodies import CallCounts, Sample, SampleEnd, StepBody
from signaling.operators.calls import call_body, count, sample, worst_first
from signaling.operators.lists import cursor_of, place_of
from signaling.operators.minute_book import Look, MinuteBook
from signaling.operators.rates import LegRates, Rates
from signaling.operators.samples import SAMPLES, CallCourse
from signaling.operators.steps import stored_steps

A, B = LegId("a"), LegId("b")


def leg(leg_id: LegId, packets: int = 0, bytes_: int = 0, lost: int = 0, out: int = 0) -> LegSnapshot:
    tracks = (
        TrackSnapshot("video", "ingress", packets, bytes_, lost, 2.5, 0, 0, None),
        TrackSnapshot("video", "egress", packets, out, 0, 0.0, 0, 0, None),
    )
    return LegSnapshot(leg_id, "connected", "udp", None, tracks, {"unlinked": lost})


def snapshot(*legs: LegSnapshot, total: int = 0, drops: dict[str, int] | None = None) -> RelaySnapshot:
    return RelaySnapshot("python", legs, 0, total, total, total * 100, total * 200, 0.0, drops or {})


def test_rates_are_what_happened_between_two_looks() -> None:
    rates = Rates()
    rates.look(snapshot(leg(A, 100, 1000, 5), total=1000), 10.0)
    assert rates.legs == {}
    rates.look(snapshot(leg(A, 190, 26_000, 15, 50_000), leg(B), total=3000, drops={"empty": 4}), 12.0)
    assert rates.legs == {A: LegRates(100_000, 200_000, 100, 2.5, "udp")}
    assert rates.traffic.packets_in_per_second == 1000
    assert (rates.traffic.in_bps, rates.traffic.out_bps) == (800_000, 1_600_000)
    assert rates.traffic.drops_per_second == 7
    assert rates.drops == {"unlinked": 15, "empty": 4}
    rates.look(snapshot(leg(A, 190, 26_000, 12, 50_000), total=3000), 14.0)
    assert rates.legs == {A: LegRates(0, 0, None, 2.5, "udp")}, "a late one takes a loss back; B is forgotten"
    assert rates.traffic.drops_per_second == 0


NO_CALLS = CallCounts(0, 0, 0, 0)


def look(total: int = 0, drops: int = 0, calls: CallCounts = NO_CALLS, **load: object) -> Look:
    reading = msgspec.convert(load, LoadReading)
    return Look(reading, snapshot(total=total), {"empty": drops, "unlinked": 3}, calls, calls.relay * 2, 1, 4)


def test_a_minute_has_averages_the_most_at_once_and_counts() -> None:
    book = MinuteBook(look(total=50, drops=1), at=1000.5)
    book.began()
    book.connected("relay", 250)
    book.connected("relay", 20_000)
    book.connected("direct", 100)
    book.ended("next", Counter({"relay dtls": 1}))
    assert book.look(look(100, 2, CallCounts(1, 5, 0, 0), stress=0.2, cpu=0.5, lag_ms=2.0), 1010) is None
    assert book.look(look(200, 4, CallCounts(3, 2, 1, 0), stress=0.8, level="soft", lag_ms=1.0), 1015) is None
    minute = book.look(look(300, 5, stress=0.2, cpu=0.4), 1020.25)
    assert minute is not None
    assert (minute.at, minute.seconds) == (datetime.fromtimestamp(1000.5, UTC), 19.75)
    assert minute.stress == pytest.approx(0.4)
    assert (minute.stress_max, minute.level, minute.lag_ms) == (0.8, "soft", 2.0)
    assert minute.cpu == pytest.approx(0.3)
    assert (minute.packets_in, minute.bytes_in, minute.bytes_out) == (250, 25_000, 50_000)
    assert (minute.calls_direct, minute.calls_relay, minute.calls_connecting) == (3, 5, 1)
    assert (minute.online, minute.waiting, minute.legs, minute.matches) == (10, 1, 4, 1)
    assert minute.connected == {"relay": 2, "direct": 1}
    assert minute.connect_ms == {
        "relay": [0, 0, 1, 0, 0, 0, 0, 0, 0, 1],
        "direct": [1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    }
    assert (minute.ends, minute.troubles, minute.drops) == ({"next": 1}, {"relay dtls": 1}, {"empty": 4})
    after = book.look(look(310, 5), 1081)
    assert after is not None
    assert (after.seconds, after.packets_in, after.matches, after.drops) == (60.75, 10, 0, {})


@given(st.lists(st.integers(1, 60_000), max_size=1500))
def test_samples_stay_few_and_spread_over_the_whole_call(gaps_ms: list[int]) -> None:
    course = CallCourse()
    at_ms = 0
    for gap in gaps_ms:
        at_ms += gap
        course.add(Sample(at_ms, "relay", *[SampleEnd(1, 2, 3, 4, 5.0, "good")] * 2))
    times = [taken.at_ms for taken in course.samples]
    assert len(times) <= SAMPLES
    assert times == sorted(set(times))
    assert bool(times) == bool(gaps_ms)
    if times:
        assert times[0] == gaps_ms[0], "how it began is kept"
        longest = max(gaps_ms) + max(10_000, 2 * at_ms // (SAMPLES // 2))
        assert at_ms - times[-1] <= longest, "and so is how it is now"


def view(
    match: str = "m", started: float = 0.0, level: QualityLevel | None = None, **changes: object
) -> CallView:
    said = (
        None if level is None else Quality(match=match, level=level, sent_bps=7, loss_permille=9, rtt_ms=3.0)
    )
    fields: dict[str, object] = {"route": "relay", "state": "connected", **changes}
    a = EndView("ua", "A", False, A, "tcp", said, None if said is None else 1.25, None)
    b = EndView("ub", "B", True, B, "udp", None, None, DirectStats(rtt_ms=12.345))
    return CallView(match, started, 60.0, ends=(a, b), connect_ms=300, **fields)  # type: ignore[arg-type]  # of the fields' types


def test_by_relay_the_relays_counts_are_shown_and_directly_the_clients_word() -> None:
    rates = {A: LegRates(1000, 2000, 4, 1.5)}
    relayed = call_body(view(level="fair"), rates)
    assert (relayed.a.transport, relayed.a.sent_bps, relayed.a.received_bps) == ("tcp", 1000, 2000)
    assert (relayed.a.sent_loss_permille, relayed.a.received_loss_permille, relayed.a.rtt_ms) == (4, 9, 3.0)
    assert (relayed.b.transport, relayed.b.sent_bps, relayed.b.quality, relayed.b.away) == (
        "udp", None, None, True,
    )  # fmt: skip
    moved = call_body(view(level="fair"), {A: LegRates(1000, 2000, 4, 1.5, "udp")})
    assert moved.a.transport == "udp", "where the leg is now, not where it came up"
    direct = call_body(view(level="fair", route="direct"), rates)
    assert (direct.a.transport, direct.a.sent_bps, direct.a.sent_loss_permille) == ("direct", 7, None)
    assert direct.b.rtt_ms == 12.3
    taken = msgspec.json.decode(msgspec.json.encode(sample(direct)), type=Sample)
    assert taken == Sample(60_000, "direct", SampleEnd(7, None, None, 9, 3.0, "fair"), taken.b)


def test_the_worst_is_shown_first() -> None:
    calls = [
        call_body(v, {})
        for v in (
            view("old", 1), view("new", 9, "good"), view("poor", 5, "poor"), view("fair", 5, "fair"),
            view("silent", 7, state="interrupted"), view("coming", 8, state="connecting", route=None),
        )
    ]  # fmt: skip
    assert [c.match for c in worst_first(calls, 9)] == ["silent", "poor", "fair", "old", "coming", "new"]
    assert len(worst_first(calls, 2)) == 2
    assert count(calls) == CallCounts(direct=0, relay=5, connecting=1, interrupted=1)


def test_steps_of_a_stored_match_are_in_order_whatever_is_missing() -> None:
    steps = stored_steps(
        [{"at_ms": 0, "route": "relay", "state": "trying", "attempt": 1, "reason": None, "side": None},
         {"at_ms": 400, "route": "relay", "state": "linked", "attempt": 1, "reason": None, "side": None}],
        [{"at_ms": 300, "route": "relay", "step": "dtls", "side": "b"}],
        [{"at_ms": 350, "event": "leg_connected", "side": "b", "detail": "tcp"}],
        StepBody(900, "ended", "a", None, "next"),
    )  # fmt: skip
    assert [(s.at_ms, s.step, s.side, s.detail) for s in steps] == [
        (0, "matched", None, None), (0, "trying", None, None), (300, "trouble", "b", "dtls"),
        (350, "leg_connected", "b", "tcp"), (400, "linked", None, None), (900, "ended", "a", "next"),
    ]  # fmt: skip
    assert stored_steps([], [], [], None) == (StepBody(0, "matched"),)


@given(st.integers(0, 2**56), st.from_regex(r"[\w-]{1,9}", fullmatch=True))
def test_a_cursor_names_its_place(micros: int, id_: str) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    assert place_of(cursor_of(at, id_)) == (at, id_)
