"""The reference of all settings, drawn from the tables that check them."""

import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mmt_grpc.domain.secret import Secret
from mmt_grpc.settings.provider_tables import LoginTable, OAuthTable
from mmt_grpc.settings.tables import SettingsTable

HEAD: Final = ("| Setting | Kind | Default | Meaning |", "|---|---|---|---|")
_KINDS: Final[Mapping[object, str]] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Path: "path",
    tuple: "list",
    Secret: "secret",
}


def reference() -> Iterator[str]:
    """Yield the reference's lines: a Markdown table for each table of settings."""
    yield from _section("Top level", "", SettingsTable)
    for name, field in SettingsTable.model_fields.items():
        if _is_table(field):
            yield from _section(f"`[{name}]`", f"{name}.", field.annotation)
    yield from _section("`[providers.NAME]`, OAuth", "providers.NAME.", OAuthTable)
    yield from _section("`[providers.binance]`", "providers.binance.", LoginTable)


def _section(title: str, prefix: str, model: object) -> Iterator[str]:
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    yield from ("", f"### {title}", "", *HEAD)
    for name, field in model.model_fields.items():
        if not _is_table(field):
            cells = (f"`{prefix}{name}`", _kind(field.annotation), _default(field), field.description or "")
            yield f"| {' | '.join(cells)} |"


def _is_table(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _kind(annotation: object) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(arguments[0])
    if origin in (Union, types.UnionType):
        return _kind(next(argument for argument in arguments if argument is not type(None)))
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    return _KINDS[origin or annotation]


def _default(field: FieldInfo) -> str:
    default = field.default
    if field.is_required() or default is None or default == ():
        return ""
    if isinstance(default, bool):
        return "true" if default else "false"
    if isinstance(default, tuple):
        return f"`{' '.join(default)}`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"
