"""From an operator's settings to the core's rules."""

from __future__ import annotations

from signaling.core.route import RoutePolicy, make_policy
from signaling.core.rules import DrainQueue, Rules
from signaling.core.turn import TurnAccess
from signaling.settings import LiveSettings, MatchingSettings, RouteSettings

_DEFAULT_ROUTES = RouteSettings()


def policy_from(routes: RouteSettings) -> RoutePolicy:
    """How matches choose their routes."""
    return make_policy(routes.policy, routes.relay_after_ms / 1000)


def rules_from(
    live: LiveSettings,
    matching: MatchingSettings,
    routes: RouteSettings = _DEFAULT_ROUTES,
    *,
    stun: tuple[str, ...] = (),
    turn: TurnAccess | None = None,
    drain_queue: DrainQueue = "tell",
) -> Rules:
    """What an operator cannot set keeps the core's own value."""
    return Rules(
        resume_seconds=live.resume_seconds,
        rematch_seconds=matching.rematch_seconds,
        rematch_memory=matching.rematch_memory,
        connect_seconds=live.connect_seconds,
        no_media_seconds=live.no_media_seconds,
        spared_relay_after_seconds=routes.spared_relay_after_ms / 1000,
        drain_queue=drain_queue,
        stable_seconds=routes.stable_seconds,
        legs=routes.legs,
        leg_idle_seconds=routes.leg_idle_seconds,
        stun=stun,
        turn=turn,
        # Seats outlive their sockets: room for everybody to have lost one and be back with another account.
        max_seats=2 * live.max_sockets,
        ping_seconds=live.ping_seconds,
        message_bytes=live.message_bytes,
    )
