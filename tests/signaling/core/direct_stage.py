"""Two clients that can do the direct route, in a match of the pure core."""

from __future__ import annotations

from typing import Any

from signaling.core.route import RoutePolicy, make_policy
from signaling.core.rules import Rules
from signaling.messages import (
    DirectState,
    Join,
    MediaFlowing,
    Network,
    Route,
)
from tests.signaling.core.stage import Client, Stage

DIRECT_FIRST = make_policy("direct-first", 0.6)
RELAY_FIRST = make_policy("relay-first", 0.6)


class DirectClient(Client):
    """A client that can do the direct route."""

    def __init__(self, stage: Stage, user: str) -> None:
        super().__init__(stage, user)
        self.direct = True

    @property
    def attempt(self) -> int:
        return [m.attempt for m in self.all(Route) if m.route == "direct"][-1]

    def state(self, state: Any, attempt: int | None = None, **fields: Any) -> None:
        attempt = self.attempt if attempt is None else attempt
        self.say(DirectState(match=self.match, attempt=attempt, state=state, **fields))

    def plays(self, attempt: int | None = None) -> None:
        self.say(MediaFlowing(match=self.match, attempt=self.attempt if attempt is None else attempt))


def meet(
    policy: RoutePolicy = DIRECT_FIRST,
    *,
    rules: Rules | None = None,
    joins: tuple[Join, Join] = (Join(), Join()),
    networks: tuple[Network | None, Network | None] = (None, None),
) -> tuple[Stage, DirectClient, DirectClient]:
    """Two in a match, with nothing connected directly yet."""
    stage = Stage(rules, policy=policy)
    clients = DirectClient(stage, "anna"), DirectClient(stage, "bert")
    for client, join, network in zip(clients, joins, networks, strict=True):
        client.connect()
        if network is not None:
            client.say(network)
        client.say(join)
    return stage, *clients


def connect(stage: Stage, *clients: DirectClient) -> None:
    """The direct attempt succeeds and media flows."""
    for client in clients:
        client.state("connected")
    for client in clients:
        client.plays()


def told(client: Client) -> list[str]:
    """Every change of route, as ``route state attempt reason``."""
    return [
        " ".join(str(word) for word in (m.route, m.state, m.attempt, m.reason) if word is not None)
        for m in client.all(Route)
    ]
