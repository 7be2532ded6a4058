"""What an operator can do. Each writes a row of the audit and a line of the log, however it ends."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import structlog

from db.records import ActionTaken
from relay.door import NodeLimits
from signaling.accounts.tokens import Identity
from signaling.errors import LimitsConflict, NotFound, SignalingError
from signaling.live.operations import Operations
from signaling.live.service import LiveService
from signaling.operators.bodies import ChangeLimits

Action = Literal["call.end", "user.disconnect", "node.drain", "node.undrain", "node.limits"]
NODE = "node"
"""The target of what is done to the whole node."""
DONE = "done"

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Entry:
    """What is written of an action; filled in while it is done."""

    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    outcome: str = SignalingError.code


class Actions:
    """``audit`` takes a row and never waits or fails. All raise what the action itself raises."""

    def __init__(
        self,
        live: LiveService,
        operations: Operations,
        audit: Callable[[ActionTaken], None],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._live, self._operations, self._audit, self._now = live, operations, audit, now

    async def end_call(self, who: Identity, match_id: str) -> None:
        """End a call; both users are told that an operator did. Raises :class:`NotFound`."""
        with self._audited(who, "call.end", match_id) as entry:
            found = self._live.call(match_id)
            if found is not None:
                entry.before = {"state": found[0].state, "route": found[0].route}
            if not await self._live.end_call(match_id):
                raise NotFound("There is no such call in progress. It may just have ended.")

    async def disconnect(self, who: Identity, user_id: str) -> None:
        """End a user's call and seat, and close the socket. Raises :class:`NotFound`."""
        with self._audited(who, "user.disconnect", user_id) as entry:
            match = next((c.match for c in self._live.calls() if user_id in (e.user for e in c.ends)), None)
            entry.before = {"match": match}
            if not await self._live.put_out(user_id):
                raise NotFound("This user is not connected to this node.")

    def drain(self, who: Identity, deadline_seconds: float | None) -> None:
        """Take no new matches, and stop when the calls are over."""
        with self._audited(who, "node.drain", NODE) as entry:
            entry.before = self._draining()
            self._operations.drain(deadline_seconds)
            entry.after = self._draining()

    def undrain(self, who: Identity) -> None:
        """Take matches again. Raises :class:`NotDraining`, :class:`StopAsked`."""
        with self._audited(who, "node.undrain", NODE) as entry:
            entry.before = self._draining()
            self._operations.undrain()
            entry.after = self._draining()

    def set_limits(self, who: Identity, change: ChangeLimits) -> NodeLimits:
        """Change what is given. Raises :class:`LimitsConflict`."""
        with self._audited(who, "node.limits", NODE) as entry:
            held = self._operations.status().limits
            entry.before = msgspec.to_builtins(held)
            legs, egress_bps = change.max_legs, change.max_egress_bps
            wanted = NodeLimits(
                soft=held.soft if change.soft is None else change.soft,
                hard=held.hard if change.hard is None else change.hard,
                max_legs=held.max_legs if legs is None else int(legs),
                max_egress_bps=held.max_egress_bps if egress_bps is None else int(egress_bps),
            )
            entry.after = msgspec.to_builtins(wanted)
            problem = wanted.problem()
            if problem is not None:
                raise LimitsConflict(problem)
            self._operations.set_limits(wanted)
        return wanted

    def _draining(self) -> dict[str, Any]:
        drain = self._operations.status().drain
        return {"draining": False} if drain is None else {"draining": True, **msgspec.to_builtins(drain)}

    @contextmanager
    def _audited(self, who: Identity, action: Action, target: str) -> Iterator[_Entry]:
        entry = _Entry()
        try:
            yield entry
            entry.outcome = DONE
        except SignalingError as error:
            entry.outcome = error.code
            raise
        finally:
            taken = ActionTaken(
                action_id=secrets.token_urlsafe(12),
                at=self._now(),
                operator_id=who.user_id,
                operator_name=who.name,
                action=action,
                target=target,
                outcome=entry.outcome,
                before=entry.before,
                after=entry.after,
            )
            self._audit(taken)
            _log.warning(
                "operator_action", operator=who.user_id, action=action, target=target, outcome=entry.outcome
            )
