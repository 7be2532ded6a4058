"""``burrow user add``, ``burrow user promote``, ``burrow user token`` and ``burrow migrate``.

Errors leave as exceptions of the packages' trees; ``burrow.cli`` makes them a sentence and an exit code.
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from burrow.config import Config, load_config
from burrow.operator_client import mint
from db.database import Database
from db.errors import EmailTaken
from db.migrate import migrate as migrate_database
from db.repositories import users
from db.repositories.users import Consent
from signaling.accounts import fields
from signaling.accounts.passwords import Passwords
from signaling.errors import BadRequest

DEFAULT_CONFIG = Path("config.toml")

user_app = typer.Typer(no_args_is_help=True, add_completion=False, help="Add accounts and change their role.")
_console = Console(highlight=False)

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="Configuration file. Default: config.toml here, if there is one."),
]


class Role(StrEnum):
    """What an account may do."""

    user = "user"
    moderator = "moderator"
    operator = "operator"


@user_app.command("add")
def add_user(
    email: Annotated[str, typer.Argument(help="Address to log in with.")],
    name: Annotated[str, typer.Option(help="Name shown to strangers. Default: the part before the @.")] = "",
    role: Annotated[Role, typer.Option(help="What the account may do.")] = Role.user,
    password_file: Annotated[
        Path | None,
        typer.Option(help="File with the password in its first line; - for standard input. Default: ask."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Add a registered account. The password is never taken from the command line: others can see that."""
    address = fields.email_address(email)
    shown = fields.display_name(name or address.partition("@")[0][: fields.NAME_MAX_CHARS])
    password = fields.password(_read_password(password_file))
    asyncio.run(_add(load(config), address, shown, password, role))
    _console.print(f"Added {address} ({role.value}).", markup=False)


@user_app.command("promote")
def promote_user(
    email: Annotated[str, typer.Argument(help="Address of the account.")],
    role: Annotated[Role, typer.Option(help="What the account may do from now on.")],
    config: ConfigOption = None,
) -> None:
    """Change an account's role. What only operators may do follows at once, the rest within 15 minutes."""
    address = fields.email_address(email)
    asyncio.run(_promote(load(config), address, role))
    _console.print(f"{address} is now {role.value}.", markup=False)


@user_app.command("token")
def make_token(
    email: Annotated[str, typer.Argument(help="Address of the account.")],
    minutes: Annotated[int, typer.Option(min=1, max=1440, help="How long it is good for.")] = 15,
    config: ConfigOption = None,
) -> None:
    """Print an access token of an account, for scripts (BURROW_OPERATOR_TOKEN). It cannot be revoked; the
    account's role can be taken away. Whoever can read the service's data folder can make one."""
    settings, data_dir = load(config)
    address = fields.email_address(email)
    typer.echo(asyncio.run(mint(settings, data_dir, address, minutes * 60)))


def migrate(config: ConfigOption = None) -> None:
    """Bring the database's tables up to date. On SQLite the service does it by itself."""
    settings, data_dir = load(config)
    before, after = asyncio.run(migrate_database(settings.database, data_dir))
    if before == after:
        _console.print(f"The database is up to date (revision {after}).", markup=False)
    else:
        _console.print(f"Migrated the database from {before or 'empty'} to revision {after}.", markup=False)


def data_dir_of(config: Config, path: Path | None) -> Path:
    """``server.data_dir``, relative to the configuration file (without one: to the current folder)."""
    return (path.parent if path is not None else Path()) / config.server.data_dir


def load(path: Path | None) -> tuple[Config, Path]:
    """The configuration at ``path`` (``None``: config.toml here, if there is one), and its data folder."""
    if path is None and DEFAULT_CONFIG.exists():
        path = DEFAULT_CONFIG
    config = load_config(path, os.environ)
    return config, data_dir_of(config, path)


def _read_password(file: Path | None) -> str:
    if file is None:
        if not sys.stdin.isatty():
            raise BadRequest("There is no terminal to ask for the password. Use --password-file.")
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    try:
        text = sys.stdin.readline() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadRequest(f"Cannot read the password from {file}: {reason}.") from error
    return (text.splitlines() or [""])[0]


async def _add(loaded: tuple[Config, Path], email: str, name: str, password: str, role: Role) -> None:
    config, data_dir = loaded
    passwords = Passwords(1, 0)
    try:
        password_hash = await passwords.hash(password)
    finally:
        await passwords.close()
    consent = Consent(config.auth.terms_version, datetime.now(UTC))
    user_id = str(uuid.uuid4())
    database = await Database.open(config.database, data_dir)
    try:
        await database.write(
            lambda session: users.register(
                session,
                user_id=user_id,
                email=email,
                password_hash=password_hash,
                name=name,
                consent=consent,
                role=role.value,
            )
        )
        account = await database.read(lambda session: users.by_email(session, email))
    finally:
        await database.close()
    if account is None or account.id != user_id:
        raise EmailTaken(f"There is an account with the address {email} already.")


async def _promote(loaded: tuple[Config, Path], email: str, role: Role) -> None:
    config, data_dir = loaded
    database = await Database.open(config.database, data_dir)
    try:
        await database.write(lambda session: users.set_role(session, email, role.value))
    finally:
        await database.close()
