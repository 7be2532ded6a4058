from __future__ import annotations

from relay.ice.prefix_limit import PREFIXES, PrefixLimit, Strangers


def test_neighbours_share_a_bucket_and_strangers_do_not() -> None:
    limit = PrefixLimit(2)
    assert [limit.allow(host, 0.0) for host in ("198.51.100.1", "198.51.100.9", "198.51.100.77")] == [
        True,
        True,
        False,
    ]
    assert limit.allow("198.51.101.1", 0.0)
    assert limit.allow("198.51.100.1", 0.5)
    assert [limit.allow(f"2001:db8:0:{n:x}::1", 0.0) for n in range(3)] == [True, True, False]
    assert limit.allow("2001:db8:0:100::1", 0.0)
    assert limit.allow("fe80::1%eth0", 0.0)


def test_versions_do_not_share_buckets() -> None:
    limit = PrefixLimit(1)
    assert limit.allow("0.0.1.1", 0.0)
    assert limit.allow("::100:0:0:0:1", 0.0)


def test_buckets_are_bounded() -> None:
    limit = PrefixLimit(1)
    for number in range(PREFIXES + 1):
        assert limit.allow(f"10.{number >> 8}.{number & 255}.1", 0.0)
    assert limit.allow("10.0.0.1", 0.0)  # forgotten, so full again
    assert not limit.allow("10.16.0.1", 0.0)


def test_zero_answers_nobody() -> None:
    assert not PrefixLimit(0).allow("198.51.100.1", 0.0)


def test_strangers_are_bounded_in_all_and_per_prefix() -> None:
    strangers = Strangers(most=3, most_per_prefix=2)
    assert [strangers.admit(host) for host in ("198.51.100.1", "198.51.100.2", "198.51.100.3")] == [
        True,
        True,
        False,
    ]
    assert strangers.admit("2001:db8::1")
    assert not strangers.admit("203.0.113.1")
    strangers.leave("198.51.100.2")
    assert strangers.admit("203.0.113.1")
    strangers.leave("2001:db8:0:0:ff::7")
    assert strangers.admit("2001:db8::2")
