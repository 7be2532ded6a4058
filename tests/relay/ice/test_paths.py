"""Selection and consent in virtual time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relay.ice.paths import LegPaths, PathRules

RULES = PathRules(most=3, stale=3.0, interrupted=6.0, consent=30.0)


def paths() -> LegPaths[str]:
    return LegPaths(RULES, 0.0)


def test_udp_wins_over_tcp_and_tcp_serves_when_udp_is_stale() -> None:
    leg = paths()
    assert leg.checked("tcp", "tcp", 900, True, 1.0).selected is not None
    changed = leg.checked("udp", "udp", 1, True, 1.1).selected
    assert changed is not None
    assert changed.address == "udp"
    assert leg.checked("tcp", "tcp", 900, True, 2.0).selected is None
    changed = leg.checked("tcp", "tcp", 900, True, 4.2).selected
    assert changed is not None
    assert changed.address == "tcp"


def test_selected_path_stays_when_nothing_better_is_known() -> None:
    leg = paths()
    leg.checked("a", "udp", 1, True, 0.0)
    assert leg.tick(20.0).selected is None
    assert leg.selected is not None


def test_plain_check_keeps_consent_but_does_not_nominate() -> None:
    leg = paths()
    leg.checked("a", "udp", 1, True, 0.0)
    leg.checked("b", "udp", 1, False, 2.9)
    assert leg.selected is not None
    assert leg.selected.address == "a"
    assert not leg.tick(32.8).lost
    lost = leg.tick(32.9)
    assert lost.lost
    assert set(lost.forgotten) == {"a", "b"}
    assert not leg.tick(34.0).lost


def test_interruption_is_told_once_and_resumption_too() -> None:
    leg = paths()
    leg.checked("a", "udp", 1, True, 0.0)
    assert [leg.tick(t).interrupted for t in (5.9, 6.0, 6.1)] == [False, True, False]
    assert leg.checked("a", "udp", 1, True, 7.0).resumed
    assert not leg.checked("a", "udp", 1, True, 7.1).resumed
    assert leg.tick(13.1).interrupted


def test_leg_taken_over_by_another_loses_that_address_only() -> None:
    leg = paths()
    leg.checked("a", "udp", 5, True, 0.0)
    leg.checked("b", "udp", 1, True, 0.0)
    leg.forget("a")
    assert leg.selected is None
    changed = leg.tick(0.1).selected
    assert changed is not None
    assert changed.address == "b"


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcdef"), st.integers(0, 3), st.booleans(), st.floats(0, 5), st.booleans()
        ),
        max_size=40,
    )
)
def test_addresses_stay_bounded_and_the_selected_one_is_always_known(
    steps: list[tuple[str, int, bool, float, bool]],
) -> None:
    leg = paths()
    now, owned = 0.0, set()
    for address, priority, nominated, pause, check in steps:
        now += pause
        changes = leg.checked(address, "udp", priority, nominated, now) if check else leg.tick(now)
        if check:
            owned.add(address)
        owned -= set(changes.forgotten)
        assert set(leg.addresses) == owned
        assert len(owned) <= RULES.most
        assert leg.selected is None or leg.selected.address in owned


def test_closed_path_yields_to_another_nominated_one_and_its_end_is_heard() -> None:
    leg = paths()
    leg.checked("tcp", "tcp", 900, True, 0.0)
    leg.checked("other", "tcp", 100, True, 0.1)
    assert leg.selected is not None
    assert leg.selected.address == "tcp"
    changed = leg.closed("tcp", 0.2).selected
    assert changed is not None
    assert changed.address == "other"
    assert leg.closed("other", 0.3).selected is None
    assert leg.selected is None
    assert leg.addresses == ()
    # Without any path the silence is still told, once.
    assert [leg.tick(t).interrupted for t in (5.0, 6.2, 6.3)] == [False, True, False]
    assert leg.checked("again", "tcp", 100, True, 7.0).resumed


def test_closing_a_path_that_is_not_selected_changes_nothing() -> None:
    leg = paths()
    leg.checked("udp", "udp", 900, True, 0.0)
    leg.checked("tcp", "tcp", 100, True, 0.1)
    assert leg.closed("tcp", 0.2).selected is None
    assert leg.selected is not None
    assert leg.selected.address == "udp"


def test_path_that_is_heard_takes_the_place_of_one_that_is_not_without_a_nomination() -> None:
    """NAT rebinding of a client whose consent checks do not nominate."""
    leg = paths()
    leg.checked("old", "udp", 900, True, 0.0)
    assert leg.checked("new", "udp", 900, False, 2.9).selected is None
    changed = leg.checked("new", "udp", 900, False, 5.0).selected
    assert changed is not None
    assert changed.address == "new"
    # The silent one does not come back by itself, only when it is heard and nominated again.
    assert leg.tick(20.0).selected is None
    changed = leg.checked("old", "udp", 900, True, 21.0).selected
    assert changed is not None
    assert changed.address == "old"


def test_path_that_is_heard_does_not_move_for_another_that_is_not_nominated() -> None:
    leg = paths()
    leg.checked("selected", "udp", 900, True, 0.0)
    for at in (2.5, 5.0, 7.5):
        assert leg.checked("selected", "udp", 900, False, at).selected is None
        assert leg.checked("backup", "udp", 900, False, at + 0.1).selected is None


def test_before_any_nomination_nothing_is_selected_however_long_it_is_heard() -> None:
    leg = paths()
    for at in range(20):
        assert leg.checked("a", "udp", 900, False, float(at)).selected is None
        assert leg.tick(at + 0.5).selected is None
