"""A throw-away PostgreSQL cluster: made in a temporary folder, thrown away at the end, never skipped."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import psutil
import psycopg
import pytest

from db.migrate import migrate
from db.models import METADATA
from db.settings import DatabaseSettings

TEMPLATE = "burrow_template"
_numbers = count(1)


class PostgresCluster:
    """One server of its own, on a Unix socket and a free TCP port.

    As root it runs as ``postgres``: PostgreSQL refuses to run as root.
    """

    def __init__(self) -> None:
        self._bin = _binaries()
        self.folder = Path(tempfile.mkdtemp(prefix="burrow-pg-"))
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self.port = _free_port()
        self._has_template = False
        self._shared_url = ""
        self._run(
            "initdb", "-D", str(self.data), "-U", "burrow", "--auth=trust", "--no-sync",
            "--encoding=UTF8", "--locale=C.UTF-8",
        )  # fmt: skip
        self.start()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        options = (
            f"-k {self.folder} -p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off "
            "-c full_page_writes=off -c shared_buffers=16MB"
        )
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self.data), "-l", log, "-w", "-o", options, "start")

    def stop(self) -> None:
        """Every connection is cut at once, as by a crash."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", "immediate", "stop")

    def freeze(self) -> None:
        """The server keeps its sockets open and says nothing any more."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._send(signal.SIGCONT)

    def throw_away(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self.thaw()
            self.stop()
        shutil.rmtree(self.folder)

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://burrow@127.0.0.1:{self.port}/{name}"

    def create_database(self, template: str = "template0") -> str:
        """Make an empty database; answers its URL."""
        name = f"burrow_{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    async def create_migrated(self) -> str:
        """Make a database with Burrow's tables; answers its URL."""
        if not self._has_template:
            self.execute(f"CREATE DATABASE {TEMPLATE}")
            await migrate(DatabaseSettings(url=self.url(TEMPLATE)), self.folder)
            self._has_template = True
        return self.create_database(TEMPLATE)

    async def empty_migrated(self) -> str:
        """The database that tests use one after the other, emptied: much faster than a new one."""
        if not self._shared_url:
            self._shared_url = await self.create_migrated()
        for table in reversed(METADATA.sorted_tables):
            self.execute(f"DELETE FROM {table.name}", self._shared_url.rpartition("/")[2])  # noqa: S608 - our tables
        return self._shared_url

    def execute(self, statement: str, database: str = "postgres") -> None:
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="burrow", dbname=database, autocommit=True
        ) as connection:
            connection.execute(statement.encode())

    def _send(self, number: signal.Signals) -> None:
        """To the first process and then to its children: a stopped one makes no more."""
        postmaster = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
        postmaster.send_signal(number)
        for child in postmaster.children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # its connection ended just now
                child.send_signal(number)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        if os.getuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        # Not a pipe: the server would inherit it and keep it open.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.folder, check=False
            )
            output.seek(0)
            assert done.returncode == 0, f"{command} failed:\n{output.read().decode()}"


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, "These tests need PostgreSQL. As root: apt-get install postgresql"
    return found[-1].parent


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


_shared: list[PostgresCluster] = []
_holders = 0


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresCluster]:
    """The one cluster of the test run, whichever folders' conftest bring it in. Don't stop this one."""
    global _holders
    if not _shared:
        _shared.append(PostgresCluster())
    _holders += 1
    yield _shared[0]
    _holders -= 1
    if _holders == 0:
        _shared.pop().throw_away()


@pytest.fixture
def own_postgres() -> Iterator[PostgresCluster]:
    """A cluster for one test, to be stopped and frozen at will."""
    cluster = PostgresCluster()
    yield cluster
    cluster.throw_away()


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_settings(
    request: pytest.FixtureRequest, postgres: PostgresCluster
) -> AsyncIterator[DatabaseSettings]:
    """Settings of an empty database with up-to-date tables; each test that asks for it runs on both."""
    if request.param == "sqlite":
        yield DatabaseSettings()
    else:
        yield DatabaseSettings(url=await postgres.empty_migrated(), pool_size=5)
