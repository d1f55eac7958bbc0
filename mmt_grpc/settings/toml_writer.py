"""Writing a configuration file: what `load` reads back to the same settings."""

import json
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from mmt_grpc.domain.secret import Secret

FILE_MODE: Final = 0o600
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_DELETE: Final = "\x7f"


def render_toml(settings: Mapping[str, object], *, comment: str = "") -> str:
    """Return settings as TOML, secrets in clear; `settings` are tables in tables, None leaves a setting out.

    `TypeError` for a value of a kind that settings do not have.
    """
    lines = [f"# {line}".rstrip() for line in comment.splitlines()]
    lines += _table(settings, ())
    return "\n".join(lines).strip() + "\n"


def write_toml(path: Path, settings: Mapping[str, object], *, comment: str = "") -> None:
    """Write a configuration file for its owner alone (0600), replacing what is there in one step."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(render_toml(settings, comment=comment))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _table(table: Mapping[str, object], path: tuple[str, ...]) -> list[str]:
    plain = {name: value for name, value in table.items() if value is not None and not isinstance(value, Mapping)}
    lines = [f"{_key(name)} = {_value(value)}" for name, value in plain.items()]
    if path and lines:
        lines = ["", f"[{'.'.join(map(_key, path))}]", *lines]
    for name, value in table.items():
        if isinstance(value, Mapping):
            lines += _table(value, (*path, name))
    return lines


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _string(name)


def _value(value: object) -> str:
    if isinstance(value, Secret):
        return _string(value.reveal())
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str | Path):
        return _string(str(value))
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return f"[{', '.join(map(_value, value))}]"
    raise TypeError(f"a setting cannot be a {type(value).__name__}")


def _string(text: str) -> str:
    # A basic string of TOML escapes as JSON does, but for characters beyond the first plane and for DEL.
    return json.dumps(text, ensure_ascii=False).replace(_DELETE, "\\u007f")
