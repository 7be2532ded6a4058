"""JSON Schema and TypeScript types of the wire, made from :mod:`signaling.messages`.

``python -m signaling.schema`` writes both committed copies; ``--check`` only says which of them is
stale and exits with 1. Nothing else defines the wire's shape, so a browser and the service cannot
disagree about it without a failing check.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

import msgspec

from signaling import messages
from signaling.operators.bodies import FeedError, FeedState
from signaling.operators.routes import OPERATIONS

ROOT: Final = Path(__file__).resolve().parent.parent
SCHEMA_FILE: Final = ROOT / "docs" / "protocol.schema.json"
TYPES_FILE: Final = ROOT / "web" / "src" / "core" / "wire.ts"
OPERATOR_TYPES_FILE: Final = ROOT / "web" / "src" / "operator" / "wire.ts"

Schema = Mapping[str, Any]


def json_schema() -> dict[str, Any]:
    """The whole wire as one JSON Schema 2020-12 document with both unions under ``$defs``."""
    (client, server), components = msgspec.json.schema_components(
        [messages.ClientMessage, messages.ServerMessage], ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Burrow's wire protocol",
        "version": messages.PROTOCOL_VERSION,
        "oneOf": [{"$ref": "#/$defs/ClientMessage"}, {"$ref": "#/$defs/ServerMessage"}],
        "$defs": {"ClientMessage": client, "ServerMessage": server, **components},
    }


def _type(schema: Schema) -> str:
    """One schema as a TypeScript type expression."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_type(part) for part in schema["anyOf"])
    if "type" not in schema:
        return "unknown"
    kind = schema["type"]
    if kind == "object":
        return f"Readonly<Record<string, {_type(schema.get('additionalProperties', {}))}>>"
    if kind == "array" and "prefixItems" in schema:
        return f"readonly [{', '.join(_type(item) for item in schema['prefixItems'])}]"
    if kind == "array":
        item = _type(schema["items"])
        return f"readonly ({item})[]" if " | " in item else f"readonly {item}[]"
    return {
        "string": "string",
        "integer": "number",
        "number": "number",
        "boolean": "boolean",
        "null": "null",
    }[kind]


def _comment(text: str, indent: str) -> list[str]:
    lines = [line.strip() for line in text.strip().splitlines()]
    if len(lines) == 1:
        return [f"{indent}/** {lines[0]} */"]
    return [f"{indent}/**", *(f"{indent} * {line}".rstrip() for line in lines), f"{indent} */"]


def _interface(name: str, schema: Schema, *, always_present: bool) -> list[str]:
    """A struct as an interface. The server writes every field (``omit_defaults=False``), so a reader
    may rely on them; in what the client writes, a field with a default may be left out."""
    lines = _comment(schema["description"], "") if "description" in schema else []
    lines.append(f"export interface {name} {{")
    required = set(schema.get("required", ()))
    for key, value in schema["properties"].items():
        mark = "" if always_present or key in required else "?"
        lines.append(f"  readonly {key}{mark}: {_type(value)};")
    lines.append("}")
    return lines


def _names(union: Any) -> list[str]:
    return [member.__name__ for member in get_args(union)]


def _tags(union: Any) -> str:
    return ", ".join(json.dumps(member.__struct_config__.tag) for member in get_args(union))


def typescript() -> str:
    """The wire as TypeScript: one interface a struct, the two unions, and the numbers both sides keep to."""
    schema = json_schema()
    client_side = {*_names(messages.ClientMessage), messages.Resume.__name__}
    lines = [
        "// Generated from signaling/messages.py by `python -m signaling.schema`. Change it there.",
        "",
        f"export const PROTOCOL_VERSION = {messages.PROTOCOL_VERSION};",
        "/** In Unicode code points. */",
        f"export const CHAT_MAX_CHARS = {messages.CHAT_MAX_CHARS};",
        f"export const SDP_MAX_CHARS = {messages.SDP_MAX_CHARS};",
    ]
    for name, component in schema["$defs"].items():
        if "properties" in component:
            lines += ["", *_interface(name, component, always_present=name not in client_side)]
    for union, members in (
        ("ClientMessage", _names(messages.ClientMessage)),
        ("ServerMessage", _names(messages.ServerMessage)),
    ):
        lines += ["", f"export type {union} =", *(f"  | {member}" for member in members[:-1])]
        lines.append(f"  | {members[-1]};")
    lines += [
        "",
        'export const SERVER_MESSAGE_TYPES: ReadonlySet<string> = new Set<ServerMessage["type"]>([',
        f"  {_tags(messages.ServerMessage)},",
        "]);",
    ]
    return "\n".join(lines) + "\n"


def operator_typescript() -> str:
    """What operators' REST and feed answer, as TypeScript."""
    answers = [
        answer
        for answer in (*(operation.answer for operation in OPERATIONS), FeedState, FeedError)
        if isinstance(answer, type)
    ]
    _, components = msgspec.json.schema_components(answers, ref_template="#/$defs/{name}")
    lines = ["// Generated from signaling/operators by `python -m signaling.schema`. Change it there."]
    for name, component in components.items():
        if "properties" in component:
            lines += ["", *_interface(name, component, always_present=True)]
        else:
            lines += ["", f"export type {name} = {_type(component)};"]
    return "\n".join(lines) + "\n"


def rendered() -> dict[Path, str]:
    """Each committed copy and what it should hold."""
    return {
        SCHEMA_FILE: json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n",
        TYPES_FILE: typescript(),
        OPERATOR_TYPES_FILE: operator_typescript(),
    }


def stale() -> list[Path]:
    """The committed copies that are missing or no longer say what the messages say."""
    return [
        path
        for path, text in rendered().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the copies, or with ``--check`` name the stale ones. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m signaling.schema", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 when a copy is stale"
    )
    if parser.parse_args(arguments).check:
        old = stale()
        for path in old:
            sys.stderr.write(f"{path.relative_to(ROOT)} is stale: run python -m signaling.schema\n")
        return 1 if old else 0
    for path, text in rendered().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
