"""What is known of a user's network: the client's own check, which predicts and never decides alone."""

from __future__ import annotations

from signaling.messages import FailedStep, Network

UNKNOWN = Network()


def is_strict(network: Network) -> bool:
    """Whether this network will need the relay more often than not. Unknown is not strict."""
    return network.udp is False or network.mapping == "symmetric"


def ice_step(network: Network) -> FailedStep:
    """Which way to the relay ICE had to take from this network, so which of them failed."""
    if network.udp is not False:
        return "ice_udp"
    return "ice_tls" if network.tcp is False else "ice_tcp"
