"""The one place where anything that goes wrong becomes a status and ``{code, message, details}``."""

from __future__ import annotations

import math
import traceback
from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from db.errors import DatabaseUnavailable
from signaling import errors
from signaling.errors import SignalingError

STATUS: Mapping[type[Exception], int] = {
    errors.BadRequest: 400,
    errors.Unauthenticated: 401,
    errors.BadCredentials: 401,
    errors.TokenExpired: 401,
    errors.TokenReused: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.AlreadyRegistered: 409,
    errors.LimitsConflict: 409,
    errors.NotDraining: 409,
    errors.StopAsked: 409,
    errors.BodyTooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.RateLimited: 429,
    errors.Busy: 503,
    DatabaseUnavailable: 503,
}
DATABASE_RETRY_SECONDS = 2
_OF_AIOHTTP: Mapping[int, type[SignalingError]] = {
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.BodyTooLarge,
    415: errors.UnsupportedMediaType,
}
_log = structlog.get_logger(__name__)


def error_response(
    status: int,
    code: str,
    message: str,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """An error in its form."""
    body = msgspec.json.encode({"code": code, "message": message, "details": dict(details or {})})
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


@web.middleware
async def error_form(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what a handler raises into an answer; what nobody expected is logged here, once."""
    try:
        return await handler(request)
    except SignalingError as error:
        return _expected(error)
    except DatabaseUnavailable:
        # Without its sentence, which names the database; Database has logged that it is away.
        return error_response(
            503,
            DatabaseUnavailable.code,
            "The service cannot reach its database. Try again in a moment.",
            headers={"Retry-After": str(DATABASE_RETRY_SECONDS)},
        )
    except web.HTTPException as error:
        return _of_aiohttp(error)
    except ConnectionError:
        raise  # the client is gone; there is nobody to answer
    except Exception as error:  # noqa: BLE001 - outermost edge of a request: nothing may get out of here
        _log_unexpected(request, error)
        if request.writer.output_size:
            raise ConnectionResetError("The answer had begun; all that is left is to hang up.") from None
        return error_response(500, SignalingError.code, SignalingError.sentence)


def _expected(error: SignalingError) -> web.Response:
    headers: dict[str, str] = {}
    status = STATUS.get(type(error), 500)
    if isinstance(error, errors.RateLimited | errors.Busy):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_seconds)))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return error_response(status, error.code, error.message, error.details, headers)


def _of_aiohttp(error: web.HTTPException) -> web.StreamResponse:
    if error.status < 400:
        raise error  # a redirection is an answer
    kind = _OF_AIOHTTP.get(error.status, errors.BadRequest if error.status < 500 else SignalingError)
    allow = error.headers.get("Allow")
    return error_response(
        error.status, kind.code, kind.sentence, headers={"Allow": allow} if allow is not None else None
    )


def _log_unexpected(request: web.Request, error: Exception) -> None:
    # The route rather than the address asked for; the places rather than the messages, which quote what was
    # sent; and as text, so that no log format adds local variables to it.
    resource = request.match_info.route.resource
    _log.error(
        "request_failed",
        method=request.method,
        route=resource.canonical if resource is not None else None,
        error=type(error).__name__,
        traceback=_places(error),
    )


def _places(error: BaseException) -> str:
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return "".join(
        f"{''.join(traceback.format_tb(link.__traceback__))}{type(link).__qualname__}\n"
        for link in reversed(chain)
    )
