"""The relay's part of the configuration; ``config.toml`` explains each key."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Port = Annotated[int, Meta(ge=0, le=65535)]
PortOrNone = Annotated[int, Meta(ge=-1, le=65535)]
Milliseconds = Annotated[int, Meta(ge=1, le=3_600_000)]


class NativeSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How the native engine's workers read and send; docs/measurements.md found these defaults best."""

    workers: Annotated[int, Meta(ge=0, le=256)] = 0
    gso: bool = True
    gro: bool = True
    wait_us: Annotated[int, Meta(ge=0, le=10_000)] = 200


class RelaySettings(Struct, frozen=True, forbid_unknown_fields=True):
    engine: Literal["auto", "native", "python"] = "auto"
    udp_port: Port = 3478
    tcp_port: PortOrNone = 3478
    stun_port: PortOrNone = 3479
    addresses: tuple[str, ...] = ()
    max_legs: Annotated[int, Meta(ge=0, le=1_000_000)] = 2000
    max_egress_bps: Annotated[int, Meta(ge=0)] = 0
    soft_stress: Annotated[float, Meta(gt=0, le=100)] = 0.7
    hard_stress: Annotated[float, Meta(gt=0, le=100)] = 0.95
    self_test: bool = True
    packets_capacity: Annotated[int, Meta(ge=0)] = 0
    lag_full_ms: Milliseconds = 150
    leg_expected_bps: Annotated[int, Meta(ge=10_000)] = 1_000_000
    leg_max_bps: Annotated[int, Meta(ge=10_000)] = 8_000_000
    leg_burst_bytes: Annotated[int, Meta(ge=2_000)] = 1_000_000
    leg_max_paths: Annotated[int, Meta(ge=2, le=64)] = 8
    interrupted_after_ms: Milliseconds = 6000
    consent_ms: Milliseconds = 30_000
    path_stale_ms: Milliseconds = 3000
    connect_timeout_ms: Milliseconds = 20_000
    keyframe_interval_ms: Annotated[int, Meta(ge=0, le=60_000)] = 300
    stun_per_second: Annotated[int, Meta(ge=0, le=1_000_000)] = 20
    tcp_auth_ms: Milliseconds = 5000
    tcp_max_strangers: Annotated[int, Meta(ge=1, le=65_536)] = 512
    tcp_max_strangers_per_prefix: Annotated[int, Meta(ge=1, le=65_536)] = 32
    tcp_queue_bytes: Annotated[int, Meta(ge=16_384, le=16_777_216)] = 131_072
    socket_buffer_bytes: Annotated[int, Meta(ge=4096)] = 4_194_304
    certificate_days: Annotated[int, Meta(ge=1, le=25)] = 7
    native: NativeSettings = NativeSettings()
