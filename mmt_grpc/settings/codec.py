"""Dataclasses as JSON bytes and back, secrets included: for a pipe between a parent and its child, never for a file."""

import base64
import dataclasses
import enum
import json
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, Union, cast, get_args, get_origin

from mmt_grpc.domain.secret import Secret

T = TypeVar("T")
_KIND = "kind"


class SliceError(Exception):
    """The bytes are no such slice; the text names a place in it, never a value."""


def encode(value: object) -> bytes:
    """Return a dataclass as JSON; `TypeError` for a field of a kind that `decode` does not know."""
    return json.dumps(_plain(value), separators=(",", ":")).encode("ascii")


def decode(kind: type[T], data: bytes) -> T:
    """Return the dataclass that `encode` was given; `SliceError` for anything else."""
    try:
        return cast("T", _read(kind, json.loads(data), kind.__name__))
    except ValueError:
        raise SliceError(f"{kind.__name__} is not what was written") from None


def _plain(value: object) -> object:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, tuple | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {_KIND: type(value).__name__, **fields}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"a slice cannot hold a {type(value).__name__}")


def _read(kind: Any, plain: object, place: str) -> object:  # noqa: ANN401  # annotations have no type of their own
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _read(_choice(arguments, plain, place), plain, place) if plain is not None else None
    if origin is typing.Literal:
        return plain
    if origin in (tuple, frozenset):
        return origin(_read(arguments[0], item, f"{place}[]") for item in _expect(list, plain, place))
    if origin is not None and issubclass(origin, Mapping):
        return {key: _read(arguments[1], item, f"{place}.{key}") for key, item in _expect(dict, plain, place).items()}
    if dataclasses.is_dataclass(kind):
        return _read_dataclass(kind, _expect(dict, plain, place), place)
    return _read_scalar(kind, plain, place)


def _read_scalar(kind: Any, plain: object, place: str) -> object:  # noqa: ANN401  # as above
    if kind is bytes:
        return base64.b64decode(_expect(str, plain, place), validate=True)
    if kind is float:
        return float(_expect((int, float), plain, place))
    if kind in (str, int, bool):
        return _expect(kind, plain, place)
    return kind(plain)


def _read_dataclass(kind: Any, plain: Mapping[str, object], place: str) -> object:  # noqa: ANN401  # as above
    if plain.get(_KIND) != kind.__name__:
        raise SliceError(f"{place} is of another kind")
    hints = typing.get_type_hints(kind)
    names = {field.name for field in dataclasses.fields(kind)}
    if names != set(plain) - {_KIND}:
        raise SliceError(f"{place} has other fields")
    return kind(**{name: _read(hints[name], plain[name], f"{place}.{name}") for name in names})


def _choice(arguments: tuple[Any, ...], plain: object, place: str) -> object:
    """Return which member of a union was written: dataclasses say so themselves, else there is only one."""
    members = [argument for argument in arguments if argument is not type(None)]
    if isinstance(plain, dict) and _KIND in plain:
        members = [member for member in members if member.__name__ == plain[_KIND]]
    if len(members) != 1:
        raise SliceError(f"{place} is of another kind")
    return members[0]


def _expect(kind: Any, plain: object, place: str) -> Any:  # noqa: ANN401  # as above
    if not isinstance(plain, kind):
        raise SliceError(f"{place} is of another kind")
    return plain
