"""The commands for accounts, run as a person runs them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from burrow import cli_accounts
from db.database import Database
from db.errors import EmailTaken, SchemaMismatch, UnknownUser
from db.migrate import head_revision
from db.settings import DatabaseSettings
from signaling.accounts.passwords import Passwords
from signaling.errors import BadRequest
from tests.db.postgres import PostgresCluster, postgres
from tests.db.rows import fetch

__all__ = ["postgres"]
PASSWORD = "correct horse battery"

app = typer.Typer()
app.add_typer(cli_accounts.user_app, name="user")
app.command("migrate")(cli_accounts.migrate)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text('[server]\ndata_dir = "data"\n')
    return path


def burrow(*arguments: str, config: Path, stdin: str = "") -> Result:
    result = CliRunner().invoke(app, [*arguments, "--config", str(config)], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def accounts(config: Path, settings: DatabaseSettings | None = None) -> list[tuple[Any, ...]]:
    async def look() -> list[tuple[Any, ...]]:
        database = await Database.open(settings or DatabaseSettings(), config.parent / "data")
        try:
            return await fetch(database, "SELECT email, name, role, kind, password_hash FROM users")
        finally:
            await database.close()

    return asyncio.run(look())


def test_an_account_is_added_and_promoted(config: Path) -> None:
    added = burrow(
        "user", "add", "Ann@Example.org", "--password-file", "-", config=config, stdin=f"{PASSWORD}\n"
    )
    assert added.exit_code == 0, added.output
    assert "ann@example.org" in added.output
    assert PASSWORD not in added.output
    [(email, name, role, kind, password_hash)] = accounts(config)
    assert (email, name, role, kind) == ("ann@example.org", "ann", "user", "registered")

    async def fits() -> bool:
        passwords = Passwords(1, 0)
        try:
            return await passwords.verify(password_hash, PASSWORD)
        finally:
            await passwords.close()

    assert asyncio.run(fits())
    promoted = burrow("user", "promote", "ANN@example.org", "--role", "operator", config=config)
    assert promoted.exit_code == 0
    assert accounts(config)[0][2] == "operator"


def test_the_password_comes_from_a_file_too(config: Path, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n")
    added = burrow(
        "user", "add", "op@example.org", "--name", "Op", "--role", "operator", "--password-file", str(secret),
        config=config,
    )  # fmt: skip
    assert added.exit_code == 0, added.output
    assert accounts(config)[0][:3] == ("op@example.org", "Op", "operator")


def test_there_is_no_option_for_the_password_itself(config: Path) -> None:
    result = burrow("user", "add", "ann@example.org", "--password", PASSWORD, config=config)
    assert result.exit_code == 2


def test_what_cannot_be_done_is_said(config: Path, tmp_path: Path) -> None:
    def add(email: str, password: str) -> None:
        burrow("user", "add", email, "--password-file", "-", config=config, stdin=password)

    add("ann@example.org", PASSWORD)
    with pytest.raises(EmailTaken, match=r"ann@example\.org already"):
        add("ANN@example.org", PASSWORD)
    with pytest.raises(BadRequest, match="8 to 256"):
        add("bob@example.org", "short")
    with pytest.raises(BadRequest, match="8 to 256"):
        add("bob@example.org", "")
    with pytest.raises(BadRequest, match="not an email address"):
        add("bob", PASSWORD)
    with pytest.raises(BadRequest, match="--password-file"):
        burrow("user", "add", "bob@example.org", config=config)
    with pytest.raises(BadRequest, match="Cannot read the password"):
        burrow("user", "add", "bob@example.org", "--password-file", str(tmp_path / "none"), config=config)
    with pytest.raises(UnknownUser, match=r"bob@example\.org"):
        burrow("user", "promote", "bob@example.org", "--role", "operator", config=config)
    assert burrow("user", "promote", "ann@example.org", "--role", "emperor", config=config).exit_code == 2
    assert len(accounts(config)) == 1


def test_postgresql_is_migrated_by_command(config: Path, postgres: PostgresCluster) -> None:
    url = postgres.create_database()
    config.write_text(f'[database]\nurl = "{url}"\n')
    with pytest.raises(SchemaMismatch, match="burrow migrate"):
        burrow("user", "add", "ann@example.org", "--password-file", "-", config=config, stdin=PASSWORD)
    assert f"from empty to revision {head_revision()}" in burrow("migrate", config=config).output
    assert "up to date" in burrow("migrate", config=config).output
    burrow("user", "add", "ann@example.org", "--password-file", "-", config=config, stdin=PASSWORD)
    assert accounts(config, DatabaseSettings(url=url))[0][0] == "ann@example.org"
