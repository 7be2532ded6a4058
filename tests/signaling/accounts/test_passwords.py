from __future__ import annotations

import asyncio
import threading

import argon2
import pytest

from signaling.accounts.passwords import Passwords
from signaling.errors import Busy
from tests.signaling.accounts.people import PASSWORD, QUICK_ARGON2


class SlowArgon2(argon2.PasswordHasher):
    """Runs take as long as the test wants, and say how many go on at once."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.begun.set()
        assert threading.current_thread() is not threading.main_thread()
        self.go_on.wait(20)
        with self._lock:
            self.at_once -= 1
        return super().hash(password, salt=salt)


async def test_a_password_fits_its_hash_and_no_other(passwords: Passwords) -> None:
    encoded = await passwords.hash(PASSWORD)
    assert encoded.startswith("$argon2id$")
    assert await passwords.verify(encoded, PASSWORD)
    assert not await passwords.verify(encoded, PASSWORD + "x")
    assert encoded != await passwords.hash(PASSWORD)


async def test_nobodys_hash_is_a_run_and_never_fits(passwords: Passwords) -> None:
    assert not await passwords.verify(None, PASSWORD)
    assert passwords.runs == 1


async def test_nobodys_hash_costs_what_a_real_one_does() -> None:
    """The default parameters: a mistake in the made-up hash would make argon2 refuse it without any work."""
    passwords = Passwords(1, 0)
    real = await passwords.hash(PASSWORD)
    made_up = passwords._nobody
    assert argon2.extract_parameters(made_up) == argon2.extract_parameters(real)
    assert len(made_up) == len(real)
    with pytest.raises(argon2.exceptions.VerifyMismatchError):  # not InvalidHashError
        argon2.PasswordHasher().verify(made_up, PASSWORD)
    await passwords.close()


async def test_a_damaged_hash_opens_for_nobody(passwords: Passwords) -> None:
    for damaged in ("", "nonsense", "$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA", "$argon2id$"):
        assert not await passwords.verify(damaged, PASSWORD)


async def test_so_many_run_at_once_so_many_wait_and_more_are_refused() -> None:
    argon = SlowArgon2()
    passwords = Passwords(2, 3, parameters=argon)
    asked = [asyncio.create_task(passwords.hash(PASSWORD)) for _ in range(5)]
    await asyncio.sleep(0)
    with pytest.raises(Busy) as caught:
        await passwords.hash(PASSWORD)
    assert caught.value.retry_after_seconds > 0
    argon.go_on.set()
    assert len(await asyncio.gather(*asked)) == 5
    assert argon.most_at_once == 2
    assert passwords.pending == 0
    await passwords.hash(PASSWORD)
    await passwords.close()


async def test_one_who_stops_waiting_frees_no_thread_that_still_works() -> None:
    argon = SlowArgon2()
    passwords = Passwords(1, 1, parameters=argon)
    running = asyncio.create_task(passwords.hash(PASSWORD))
    waiting = asyncio.create_task(passwords.hash(PASSWORD))
    await asyncio.sleep(0)
    await asyncio.to_thread(argon.begun.wait, 20)
    for task in (running, waiting):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert passwords.pending == 1  # the one waiting is gone, the one in its thread is not
    argon.go_on.set()
    await passwords.close()
    assert passwords.pending == 0


async def test_the_loop_goes_on_while_hashes_run(passwords: Passwords) -> None:
    argon = SlowArgon2()
    slow = Passwords(1, 0, parameters=argon)
    task = asyncio.create_task(slow.hash(PASSWORD))
    await asyncio.sleep(0)
    assert await passwords.verify(await passwords.hash(PASSWORD), PASSWORD)
    assert not task.done()
    argon.go_on.set()
    await task
    await slow.close()


def test_hashes_of_other_parameters_are_outdated() -> None:
    passwords = Passwords(1, 0, parameters=QUICK_ARGON2)
    assert not passwords.outdated(QUICK_ARGON2.hash(PASSWORD))
    assert passwords.outdated(argon2.PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(PASSWORD))
