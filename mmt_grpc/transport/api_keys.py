"""Callers who present an API key in `authorization: Bearer mmt_…`."""

import hashlib
import hmac
import re
import threading
from collections import OrderedDict
from typing import Final

from mmt_grpc.domain import api_key
from mmt_grpc.domain.api_key import PresentedKey
from mmt_grpc.domain.callers import API_KEY_METHODS, Caller
from mmt_grpc.domain.errors import CallerUnauthenticatedError
from mmt_grpc.domain.model import MICROSECONDS
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.domain.ports.sealing import CallerMacs
from mmt_grpc.domain.ports.store import ApiKeyRow, Callers, ClientRow
from mmt_grpc.transport.arrival import CallMetadata

HEADER: Final = "authorization"
MAX_HEADER: Final = len("Bearer ") + api_key.MAX_LENGTH
BELIEVED_FOR: Final = 1 * MICROSECONDS
"""How long a good key is believed without asking the store again: a disabled one ends within a second everywhere."""
MOST_BELIEVED: Final = 4096
_BEARER: Final = re.compile(r"(?i:bearer) (mmt_[\x21-\x7e]+)")


class ApiKeyAuthenticator:
    """Believes a key whose row and client row both bear the MACs that only the caller key makes.

    What is wrong with a key is never said, and takes as long to find out as a right one does.
    """

    def __init__(self, *, callers: Callers, macs: CallerMacs, clock: Clock) -> None:
        self._callers = callers
        self._macs = macs
        self._believed = _Believed(clock)

    def authenticate(self, metadata: CallMetadata) -> Caller:
        """Return the caller that the one authorization header proves; raises `CallerUnauthenticatedError`."""
        header = _only_header(metadata)
        known = self._believed.find(header)
        if known is not None:
            return known
        asked_at = self._believed.now()
        caller = self._look_up(_presented(header))
        self._believed.keep(header, caller, asked_at)
        return caller

    def _look_up(self, presented: PresentedKey) -> Caller:
        rows = self._callers.read_api_key(presented.key_id)
        key, client = rows or _nobody(presented.key_id)
        key_is_right = hmac.compare_digest(
            key.mac,
            self._macs.api_key_mac(
                key_id=presented.key_id,
                client_id=key.client_id,
                scope=key.scope,
                disabled=key.disabled,
                secret=presented.secret,
            ),
        )
        client_is_right = hmac.compare_digest(client.mac, self._macs.client_mac(client.client_id, client.name))
        if rows is None or not (key_is_right and client_is_right) or key.disabled or client.client_id != key.client_id:
            raise CallerUnauthenticatedError
        return Caller(
            name=presented.key_id,
            clients=frozenset({key.client_id}),
            scope=key.scope,
            methods=API_KEY_METHODS[key.scope],
        )


class _Believed:
    """Keys found good a moment ago, by a hash: the keys themselves are not kept."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._found: OrderedDict[bytes, tuple[int, Caller]] = OrderedDict()

    def now(self) -> int:
        return self._clock.elapsed()

    def find(self, header: str) -> Caller | None:
        entry = self._found.get(_digest(header))
        if entry is None or self.now() - entry[0] >= BELIEVED_FOR:
            return None
        return entry[1]

    def keep(self, header: str, caller: Caller, asked_at: int) -> None:
        """Remember from when the store was asked, not from when it answered."""
        with self._lock:
            self._found[_digest(header)] = (asked_at, caller)
            self._found.move_to_end(_digest(header))
            while len(self._found) > MOST_BELIEVED:
                self._found.popitem(last=False)


def _only_header(metadata: CallMetadata) -> str:
    values = [value for key, value in metadata if key == HEADER]
    if len(values) != 1 or not isinstance(values[0], str) or len(values[0]) > MAX_HEADER:
        raise CallerUnauthenticatedError
    return values[0]


def _presented(header: str) -> PresentedKey:
    match = _BEARER.fullmatch(header)
    presented = None if match is None else api_key.parse(match[1])
    if presented is None:
        raise CallerUnauthenticatedError
    return presented


def _digest(header: str) -> bytes:
    return hashlib.sha256(header.encode("utf-8", "surrogatepass")).digest()


def _nobody(key_id: str) -> tuple[ApiKeyRow, ClientRow]:
    """Return rows to compare an unknown key with, which no MAC fits."""
    scope = next(iter(API_KEY_METHODS))
    key = ApiKeyRow(key_id=key_id, client_id="", scope=scope, disabled=False, created_at=0, mac=bytes(32))
    return key, ClientRow(client_id="", name="", created_at=0, mac=bytes(32))
