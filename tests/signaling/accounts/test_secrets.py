from __future__ import annotations

import multiprocessing
import stat
from pathlib import Path

import pytest

from signaling.accounts.secrets import FILE_NAME, Secrets, load_secrets
from signaling.errors import SecretsInvalid


def test_keys_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first = load_secrets(folder)
    assert stat.S_IMODE((folder / FILE_NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert load_secrets(folder) == first
    assert [path.name for path in folder.iterdir()] == [FILE_NAME]
    assert len(bytes.fromhex(first.access_token_key)) == 32
    assert first.access_token_key != first.refresh_token_key
    assert load_secrets(tmp_path / "other") != first


def test_keys_are_not_in_the_representation(tmp_path: Path) -> None:
    keys = load_secrets(tmp_path)
    assert keys.access_token_key not in f"{keys!r} {keys}"


def _load(folder: Path) -> Secrets:
    return load_secrets(folder)


def test_processes_that_start_at_once_have_the_same_keys(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        found = pool.map(_load, [tmp_path / "data"] * 8)
    assert len({keys.access_token_key for keys in found}) == 1


def test_a_file_open_to_others_is_refused(tmp_path: Path) -> None:
    load_secrets(tmp_path)
    (tmp_path / FILE_NAME).chmod(0o640)
    with pytest.raises(SecretsInvalid, match="chmod 600"):
        load_secrets(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"{}",
        b'{"access_token_key": "00", "refresh_token_key": "00"}',
        b"\xff\xfe",
        b"[" * 10_000,
    ],
)
def test_a_damaged_file_is_refused_without_quoting_it(content: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    (tmp_path / FILE_NAME).chmod(0o600)
    with pytest.raises(SecretsInvalid, match="damaged") as caught:
        load_secrets(tmp_path)
    assert caught.value.__cause__ is None


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SecretsInvalid, match="Cannot use the secrets file"):
        load_secrets(tmp_path / "file" / "data")
