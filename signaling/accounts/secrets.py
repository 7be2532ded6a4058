"""The keys that sign tokens: made at the first start, kept in one file that only its owner reads."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from signaling.errors import SecretsInvalid

FILE_NAME = "secrets.json"
KEY_BYTES = 32

_HexKey = Annotated[str, Meta(pattern=f"^[0-9a-f]{{{2 * KEY_BYTES}}}$")]


class Secrets(Struct, frozen=True, forbid_unknown_fields=True):
    """Hexadecimal keys. Never log or show one; the representation does not."""

    access_token_key: _HexKey
    refresh_token_key: _HexKey

    def __repr__(self) -> str:
        return "Secrets(…)"


def load_secrets(data_dir: Path) -> Secrets:
    """Read the keys, or make them when there are none yet. Blocks for a file's read: call it at the start.

    Two processes that start at once end up with the same keys. Raises :class:`SecretsInvalid` for a file
    that is damaged, unreadable, or open to others than its owner.
    """
    path = data_dir / FILE_NAME
    text = read_private(path, _new_keys)
    try:
        return msgspec.json.decode(text, type=Secrets)
    except msgspec.DecodeError:
        # Without the cause: it could quote a key.
        raise SecretsInvalid(
            f"The secrets file {path} is damaged. Restore it, or remove it to make new keys "
            "(everybody then logs in again)."
        ) from None


def read_private(path: Path, make: Callable[[], bytes]) -> bytes:
    """What a secret file holds, written from ``make`` when there is none yet. Two processes that start at
    once end up with the same. Raises :class:`SecretsInvalid` for one that cannot be used or is open to
    others than its owner."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _write_once(path, make())
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_bytes()
    except OSError as error:
        raise SecretsInvalid(f"Cannot use the secrets file {path}: {error.strerror}.") from error
    if mode & 0o077:
        raise SecretsInvalid(f"The secrets file {path} is open to other users. Run: chmod 600 {path}")
    return text


def _new_keys() -> bytes:
    keys = Secrets(
        access_token_key=secrets.token_hex(KEY_BYTES), refresh_token_key=secrets.token_hex(KEY_BYTES)
    )
    return msgspec.json.encode(keys) + b"\n"


def _write_once(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # unlike a rename, never replaces what another process just made
        except FileExistsError:
            return
    finally:
        draft.unlink()
