"""The kinds of values that settings have, beyond those that TOML knows."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, InstanceOf
from pydantic_core import PydanticCustomError

from mmt_grpc.domain.secret import Secret

_ADDRESS: Final = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9.-]+)):(?P<port>[0-9]{1,5})")
_MAX_PORT: Final = 65535


def _secret(value: object) -> object:
    if isinstance(value, str):
        return Secret(value)
    if isinstance(value, Secret):
        return value
    raise PydanticCustomError("setting", "must be a text")


def _words(value: object) -> object:
    return tuple(value.split()) if isinstance(value, str) else value


def _address(value: str) -> str:
    if split_address(value) is None:
        raise PydanticCustomError("setting", 'must be of the form "host:port", an IPv6 host in brackets')
    return value


def _absolute(value: Path) -> Path:
    if "\0" in str(value):
        raise PydanticCustomError("setting", "must be a path")
    try:
        return value.expanduser().absolute()
    except RuntimeError:
        raise PydanticCustomError("setting", "begins with a home directory that does not exist") from None


def split_address(address: str) -> tuple[str, int] | None:
    """Return the host (without brackets) and port of `host:port`, None if it is none."""
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match["port"]) > _MAX_PORT:
        return None
    return match["six"] or match["name"], int(match["port"])


def is_loopback(address: str) -> bool:
    """Whether an address `host:port` is reached from this machine alone."""
    split = split_address(address)
    if split is None:
        return False
    try:
        return ipaddress.ip_address(split[0]).is_loopback
    except ValueError:
        return split[0] == "localhost"


SecretText = Annotated[InstanceOf[Secret], BeforeValidator(_secret)]
"""A secret; its neighbour with the suffix `_file` names a file that holds it."""
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
"""A list of words: a TOML list, or a text that spaces separate."""
Address = Annotated[str, AfterValidator(_address)]
"""`host:port`."""
Addresses = Annotated[tuple[Address, ...], BeforeValidator(_words)]
"""One or several addresses."""
FilePath = Annotated[Path, AfterValidator(_absolute)]
"""A path; a relative one is taken from the working directory."""
