"""The handlers of ``/api/v1/operator/``. Each stands in :data:`OPERATIONS`, behind the gate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler
from msgspec import UNSET, Struct

from db.records import CONNECT_MS
from db.repositories.users import Account
from signaling.accounts.tokens import Identity
from signaling.errors import BadRequest, NotFound
from signaling.http.bodies import json_response, read_body
from signaling.live.operations import NodeStatus, Operations
from signaling.live.service import LiveService
from signaling.operators import bodies
from signaling.operators.actions import Actions
from signaling.operators.answers import action_body, minute_body, story_of
from signaling.operators.answers import match_body as stored_body
from signaling.operators.gate import Gate
from signaling.operators.lists import page, place_of
from signaling.operators.observer import Observer
from signaling.operators.openapi import document
from signaling.operators.store import OperatorStore

OPERATOR = "/api/v1/operator"
FOUND_USERS = 50
MINUTES = 1500
"""In one answer: a day and an hour."""
ID = "[A-Za-z0-9_-]{1,64}"

Q = TypeVar("Q", bound=Struct)
Handle = Callable[[web.Request, Identity], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One request, as it is served and as it is described. ``path`` is below :data:`OPERATOR`."""

    method: str
    path: str
    name: str
    summary: str
    answer: Any
    query: type[Struct] | None = None
    body: type[Struct] | None = None
    conflict: bool = False
    """Whether it can be refused with 409."""


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/node", "node", "The node's load, limits, counts, drain and self-test.", NodeStatus),
    Operation(
        "POST", "/node/drain", "drain", "Make no new matches, and stop when the calls are over.",
        NodeStatus, body=bodies.Drain,
    ),
    Operation("POST", "/node/undrain", "undrain", "Take a drain back.", NodeStatus, conflict=True),
    Operation("GET", "/node/limits", "limits", "What the node may take.", bodies.LimitsBody),
    Operation(
        "PATCH", "/node/limits", "change_limits", "Change some of them, until the process ends.",
        bodies.LimitsBody, body=bodies.ChangeLimits, conflict=True,
    ),
    Operation(
        "GET", "/calls", "calls", "Calls in progress, the oldest first.", bodies.CallsBody,
        query=bodies.CallsQuery,
    ),
    Operation("GET", "/calls/{match}", "call", "One call, in progress or over.", bodies.StoryBody),
    Operation("POST", "/calls/{match}/end", "end_call", "End a call in progress.", bodies.EndedBody),
    Operation(
        "GET", "/matches", "matches", "Stored matches, the newest first.", bodies.MatchesBody,
        query=bodies.MatchesQuery,
    ),
    Operation(
        "GET", "/users", "users", "Find users by id, address, or the beginning of the name.",
        bodies.UsersBody, query=bodies.UsersQuery,
    ),
    Operation("GET", "/users/{user}", "user", "One user.", bodies.UserOnNode),
    Operation(
        "POST", "/users/{user}/disconnect", "disconnect", "End a user's call and connection.",
        bodies.DisconnectedBody,
    ),
    Operation(
        "GET", "/minutes", "minutes", "What the node did, minute by minute.", bodies.MinutesBody,
        query=bodies.MinutesQuery,
    ),
    Operation(
        "GET", "/audit", "audit", "What operators did, the newest first.", bodies.AuditBody,
        query=bodies.AuditQuery,
    ),
    Operation("GET", "/openapi.json", "openapi", "This description.", dict[str, Any]),
)  # fmt: skip


class OperatorRoutes:
    """One method an operation, of the same name."""

    def __init__(
        self,
        gate: Gate,
        live: LiveService,
        operations: Operations,
        observer: Observer,
        actions: Actions,
        store: OperatorStore,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._gate, self._live, self._operations = gate, live, operations
        self._observer, self._actions, self._store, self._now = observer, actions, store, now
        self._document = document(OPERATIONS, OPERATOR)

    def routes(self) -> list[web.RouteDef]:
        """For ``app.add_routes``, after every other route below :data:`OPERATOR`. No way to a handler goes
        past the gate."""
        methods: dict[str, list[str]] = {}
        routes: list[web.RouteDef] = []
        for operation in OPERATIONS:
            path = OPERATOR + operation.path.replace("}", f":{ID}}}")
            methods.setdefault(path, []).append(operation.method)
            handle = self._through_gate(getattr(self, operation.name))
            routes.append(web.route(operation.method, path, handle))
        # What is left would be taken for pages of the web client.
        for path, allowed in methods.items():
            routes.append(web.route("*", path, self._through_gate(_refusing(allowed))))
        return [*routes, web.route("*", f"{OPERATOR}/{{rest:.*}}", self._through_gate(_nothing_here))]

    def _through_gate(self, handle: Handle) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            return await handle(request, await self._gate.operator(request))

        return guarded

    # --- the node ---------------------------------------------------------------------------------

    async def node(self, _request: web.Request, _who: Identity) -> web.Response:
        return json_response(self._operations.status())

    async def drain(self, request: web.Request, who: Identity) -> web.Response:
        body = await read_body(request, bodies.Drain)
        self._actions.drain(who, body.deadline_seconds)
        return json_response(self._operations.status())

    async def undrain(self, _request: web.Request, who: Identity) -> web.Response:
        self._actions.undrain(who)
        return json_response(self._operations.status())

    async def limits(self, _request: web.Request, _who: Identity) -> web.Response:
        return json_response(self._operations.status().limits)

    async def change_limits(self, request: web.Request, who: Identity) -> web.Response:
        change = await read_body(request, bodies.ChangeLimits)
        return json_response(self._actions.set_limits(who, change))

    # --- calls ------------------------------------------------------------------------------------

    async def calls(self, request: web.Request, _who: Identity) -> web.Response:
        query = _query(request, bodies.CallsQuery)
        chosen = [
            ((datetime.fromtimestamp(call.started_at, UTC), call.match), call)
            for call in self._observer.now()
            if query.user is UNSET or query.user in (call.a.user, call.b.user)
        ]
        chosen.sort(key=lambda placed: placed[0])
        after = place_of(query.after or None)
        rest = [placed for placed in chosen if after is None or placed[0] > after]
        shown, more = page(rest[: query.limit + 1], query.limit, lambda placed: placed[0])
        return json_response(bodies.CallsBody(tuple(call for _, call in shown), more, len(chosen)))

    async def call(self, request: web.Request, _who: Identity) -> web.Response:
        match_id = request.match_info["match"]
        call = next((c for c in self._observer.now() if c.match == match_id), None)
        live = self._live.call(match_id)
        # While the database is away, what is known of a call in progress is shown all the same.
        stored = await self._store.story(match_id, needed=call is None)
        if call is None and stored is None:
            raise NotFound("There is no match of this id.")
        samples = self._observer.samples(match_id)
        return json_response(story_of(match_id, call, live[1] if live else None, stored, samples))

    async def end_call(self, request: web.Request, who: Identity) -> web.Response:
        match_id = request.match_info["match"]
        await self._actions.end_call(who, match_id)
        return json_response(bodies.EndedBody(match_id))

    async def matches(self, request: web.Request, _who: Identity) -> web.Response:
        query = _query(request, bodies.MatchesQuery)
        found = await self._store.matches(query.user or None, place_of(query.after or None), query.limit + 1)
        shown, more = page(found, query.limit, lambda row: (row.started_at, row.match_id))
        return json_response(bodies.MatchesBody(tuple(stored_body(row) for row in shown), more))

    # --- users ------------------------------------------------------------------------------------

    async def users(self, request: web.Request, _who: Identity) -> web.Response:
        query = _query(request, bodies.UsersQuery)
        found = await self._store.users(query.q, FOUND_USERS)
        return json_response(bodies.UsersBody(tuple(self._on_node(account) for account in found)))

    async def user(self, request: web.Request, _who: Identity) -> web.Response:
        account = await self._store.user(request.match_info["user"])
        if account is None:
            raise NotFound("There is no user of this id.")
        return json_response(self._on_node(account))

    async def disconnect(self, request: web.Request, who: Identity) -> web.Response:
        user_id = request.match_info["user"]
        await self._actions.disconnect(who, user_id)
        return json_response(bodies.DisconnectedBody(user_id))

    # --- looking back -----------------------------------------------------------------------------

    async def minutes(self, request: web.Request, _who: Identity) -> web.Response:
        query = _query(request, bodies.MinutesQuery)
        now = self._now()
        until = now if query.until is UNSET else datetime.fromtimestamp(query.until, UTC)
        since = (
            until - timedelta(hours=1) if query.since is UNSET else datetime.fromtimestamp(query.since, UTC)
        )
        found = await self._store.minutes(since, until, MINUTES)
        return json_response(bodies.MinutesBody(tuple(minute_body(row) for row in found), CONNECT_MS))

    async def audit(self, request: web.Request, _who: Identity) -> web.Response:
        query = _query(request, bodies.AuditQuery)
        found = await self._store.actions(place_of(query.after or None), query.limit + 1)
        shown, more = page(found, query.limit, lambda row: (row.at, row.action_id))
        return json_response(bodies.AuditBody(tuple(action_body(row) for row in shown), more))

    async def openapi(self, _request: web.Request, _who: Identity) -> web.Response:
        return json_response(self._document)

    # --- inside -----------------------------------------------------------------------------------

    def _on_node(self, account: Account) -> bodies.UserOnNode:
        of_user = (c.match for c in self._live.calls() if account.id in (end.user for end in c.ends))
        return bodies.UserOnNode(
            id=account.id,
            name=account.name,
            kind=account.kind,
            role=account.role,
            online=self._live.has_seat(account.id),
            match=next(of_user, None),
        )


def _refusing(allowed: Sequence[str]) -> Handle:
    async def refuse(request: web.Request, _who: Identity) -> web.Response:
        raise web.HTTPMethodNotAllowed(request.method, allowed)

    return refuse


async def _nothing_here(_request: web.Request, _who: Identity) -> web.Response:
    raise NotFound


def _query(request: web.Request, kind: type[Q]) -> Q:
    """Raises :class:`BadRequest` that names the parameter."""
    asked = request.query
    twice = next((name for name in asked if len(asked.getall(name)) > 1), None)
    if twice is not None:
        raise BadRequest(f"{twice[:64]} is given twice.", details={"field": twice[:64]})
    try:
        return msgspec.convert(dict(asked), kind, strict=False)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `$.")
        field = place.rstrip("`")
        details = {"field": field} if field else None
        raise BadRequest(f"{field}: {problem}" if field else problem[:200], details=details) from None
