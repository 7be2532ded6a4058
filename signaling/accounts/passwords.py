"""argon2id off the event loop, so many at once and no more."""

from __future__ import annotations

import asyncio
import base64
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from signaling.errors import Busy

T = TypeVar("T")

RETRY_SECONDS = 2.0


class Passwords:
    """Hashes and verifies in threads of its own: ``concurrency`` at once, ``queue`` waiting, beyond that
    :class:`signaling.errors.Busy` at once. :meth:`close` it.

    ``parameters`` default to RFC 9106's second recommendation (64 MiB, 3 passes, 4 lanes), argon2-cffi's own.
    """

    def __init__(
        self, concurrency: int, queue: int, *, parameters: argon2.PasswordHasher | None = None
    ) -> None:
        self._argon2 = parameters or argon2.PasswordHasher()
        self._executor = ThreadPoolExecutor(concurrency, thread_name_prefix="argon2")
        self._most = concurrency + queue
        self._lock = threading.Lock()
        self._pending = 0
        self._nobody = _hash_of_nothing(self._argon2)
        self.runs = 0
        """argon2id runs begun, ever."""

    @property
    def pending(self) -> int:
        """Runs going on or waiting."""
        return self._pending

    async def hash(self, password: str) -> str:
        """The encoded hash to store. Raises :class:`Busy`."""
        return await self._run(lambda: self._argon2.hash(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether this is the password; ``None`` (nobody's hash) is as much work and never fits.
        Raises :class:`Busy`."""
        return await self._run(lambda: self._fits(password_hash or self._nobody, password)) and (
            password_hash is not None
        )

    def outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than are used now."""
        return self._argon2.check_needs_rehash(password_hash)

    async def close(self) -> None:
        """Drop the runs that wait, let those going on end."""
        await asyncio.to_thread(self._executor.shutdown, wait=True, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        with self._lock:
            if self._pending >= self._most:
                raise Busy(retry_after_seconds=RETRY_SECONDS)
            self._pending += 1
            self.runs += 1
        future = self._executor.submit(work)
        # Counted down when the thread is free again, not when the one who asked stops waiting.
        future.add_done_callback(self._one_less)
        return await asyncio.wrap_future(future)

    def _one_less(self, _: Future[T]) -> None:
        with self._lock:
            self._pending -= 1

    def _fits(self, password_hash: str, password: str) -> bool:
        try:
            return self._argon2.verify(password_hash, password)
        except VerifyMismatchError:
            return False
        except (VerificationError, InvalidHashError):
            return False  # a damaged hash opens for nobody


def _hash_of_nothing(parameters: argon2.PasswordHasher) -> str:
    """A well-formed hash that no password has, of the same cost as a real one."""

    def text(length: int) -> str:
        return base64.b64encode(secrets.token_bytes(length)).rstrip(b"=").decode()

    return (
        f"$argon2id$v=19$m={parameters.memory_cost},t={parameters.time_cost},p={parameters.parallelism}"
        f"${text(parameters.salt_len)}${text(parameters.hash_len)}"
    )
