"""The committed copies of the wire's shape are what the messages say, and say it truly."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from signaling import messages, schema


def test_committed_copies_are_fresh() -> None:
    assert schema.stale() == [], "run: python -m signaling.schema"


def test_a_stale_copy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copy = tmp_path / "wire.ts"
    copy.write_text(schema.typescript().replace("chat_delivered", "chat_seen"), encoding="utf-8")
    monkeypatch.setattr(schema, "TYPES_FILE", copy)
    assert schema.stale() == [copy]


def test_every_message_is_in_both_copies() -> None:
    types = schema.typescript()
    document = schema.json_schema()
    for tag in (*document["$defs"]["ClientMessage"]["discriminator"]["mapping"],):
        assert f'readonly type: "{tag}";' in types
    for tag in (*document["$defs"]["ServerMessage"]["discriminator"]["mapping"],):
        assert f'readonly type: "{tag}";' in types
        assert f'"{tag}"' in types.partition("SERVER_MESSAGE_TYPES")[2]


def test_what_the_server_always_writes_is_not_optional() -> None:
    """A field with a default is written all the same by the server; a client may leave it out."""
    written = json.loads(messages.encoder.encode(messages.LegState(leg="a", state="connected")))
    assert {"seq", "transport", "code", "message"} <= written.keys()
    types = schema.typescript()
    assert 'readonly transport: "tcp" | "udp" | null;' in types
    assert "readonly take_over?: boolean;" in types


def test_a_union_inside_an_array_keeps_its_brackets() -> None:
    assert schema._type({"type": "array", "items": {"enum": ["a", "b"]}}) == 'readonly ("a" | "b")[]'


def test_messages_decode_from_what_the_types_allow() -> None:
    """The least that the generated types let a client write is what the decoder takes."""
    assert messages.client_decoder.decode(b'{"type":"join"}') == messages.Join()
    with pytest.raises(msgspec.ValidationError):
        messages.client_decoder.decode(b'{"type":"join","unknown":1}')
