"""Whoever can write the database can break a row, never turn it into another: nothing opens in another's place."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from mmt.v1 import managed_token_pb2 as nouns
from tests.support.clients import READ, WRITE, Refused, refusal, token_of
from tests.support.rows import SEALED, Rows
from tests.support.service import Service

Cell = tuple[int, str]
"""Which of the two rows, and the column."""
CELLS: list[Cell] = [(row, column) for row in (0, 1) for column in SEALED]
SWAPS = list(itertools.combinations(CELLS, 2))
OPENED_BY_RESOLVE = {"access_key", "access_blob"}
OPENED_BY_CHECK_SCOPE = {"access_key", "metadata_blob"}


@dataclass(frozen=True)
class Pair:
    """Two connections of one client, of two users, and their rows."""

    service: Service
    rows: Rows
    ids: tuple[str, str]
    keys: tuple[bytes, bytes]
    tokens: tuple[str, str]

    def seen(self) -> list[tuple[str, str]]:
        """What Resolve and CheckScope say of each: a token and a scope, or why there is none."""
        return [(self._resolved(token_id), self._checked(token_id)) for token_id in self.ids]

    def expected(self, *, unresolved: Collection[int] = (), unchecked: Collection[int] = ()) -> list[tuple[str, str]]:
        """What is to be seen if those rows open for nobody; what opens is the row's own."""
        return [
            (
                "DATA_LOSS CREDENTIAL_UNREADABLE" if number in unresolved else token,
                "DATA_LOSS CREDENTIAL_UNREADABLE" if number in unchecked else "SCOPE_READ",
            )
            for number, token in enumerate(self.tokens)
        ]

    def _resolved(self, token_id: str) -> str:
        try:
            return token_of(self.service.write.resolve(token_id))
        except Refused as refused:
            return f"{refused.code.name} {refused.reason}"

    def _checked(self, token_id: str) -> str:
        try:
            answer = self.service.write.check_scope(token_id)
        except Refused as refused:
            return f"{refused.code.name} {refused.reason}"
        return nouns.Scope.Name(answer.granted_scope) if answer.allowed else "not allowed"


def pair_of(service: Service) -> Pair:
    rows = Rows(service.dev.database_url)
    ids, keys, tokens = [], [], []
    for _ in range(2):
        before = rows.keys()
        token_id, _ = service.connected()
        (key,) = rows.keys() - before
        ids.append(token_id)
        keys.append(key)
        tokens.append(token_of(service.write.resolve(token_id)))
    return Pair(service, rows, (ids[0], ids[1]), (keys[0], keys[1]), (tokens[0], tokens[1]))


@pytest.fixture
def pair(either: Service) -> Iterator[Pair]:
    pair = pair_of(either)
    yield pair
    for token_id in pair.ids:
        either.write.revoke(token_id)
    assert not pair.rows.keys() & set(pair.keys)


def test_no_two_sealed_columns_can_change_places(pair: Pair) -> None:
    """All pairs of the ten cells of two rows, in one row and across; put back, everything works again."""
    originals = [pair.rows.read(key) for key in pair.keys]
    for one, other in SWAPS:
        changed = [dict(row) for row in originals]
        changed[one[0]][one[1]], changed[other[0]][other[1]] = originals[other[0]][other[1]], originals[one[0]][one[1]]
        pair.rows.write(*zip(pair.keys, changed, strict=True))
        assert pair.seen() == pair.expected(
            unresolved={row for row, column in (one, other) if column in OPENED_BY_RESOLVE},
            unchecked={row for row, column in (one, other) if column in OPENED_BY_CHECK_SCOPE},
        ), f"{one} in the place of {other}"
        pair.rows.write(*zip(pair.keys, originals, strict=True))
    assert pair.seen() == pair.expected()


@pytest.mark.parametrize("column", ["renewal_key", "renewal_blob"])
def test_anothers_refresh_token_is_never_spent(pair: Pair, column: str) -> None:
    originals = [pair.rows.read(key, column) for key in pair.keys]
    pair.rows.write(*zip(pair.keys, reversed(originals), strict=True))
    for token_id in pair.ids:
        refused = refusal(lambda token_id=token_id: pair.service.write.resolve(token_id, rejected_generation=1))  # type: ignore[misc]  # bound
        assert refused.reason == "CREDENTIAL_UNREADABLE"
    pair.rows.write(*zip(pair.keys, originals, strict=True))
    assert pair.seen() == pair.expected()
    for token_id, token in zip(pair.ids, pair.tokens, strict=True):
        assert token_of(pair.service.write.resolve(token_id, rejected_generation=1)) != token


CHANGES: list[tuple[dict[str, Any], set[str], bool]] = [
    ({"scope": 2}, {"CREDENTIAL_UNREADABLE"}, True),
    ({"integration": b"uphold"}, {"CREDENTIAL_UNREADABLE"}, True),
    ({"generation": 2}, {"CREDENTIAL_UNREADABLE"}, False),
    ({"generation": 0}, {"CREDENTIAL_UNREADABLE"}, False),
    ({"identity_key": bytes(32)}, {"CREDENTIAL_UNREADABLE"}, True),
    ({"format": 99}, {"CREDENTIAL_UNREADABLE"}, True),
    # An epoch that a process does not know may be one that it has not loaded yet.
    ({"key_epoch": 99}, {"CREDENTIAL_UNREADABLE", "STORE_UNAVAILABLE"}, True),
    ({"token_key": b"x" * 32}, {"TOKEN_NOT_FOUND"}, True),
]


@pytest.mark.parametrize(("values", "reasons", "checked"), CHANGES)
def test_a_column_changed_by_hand_makes_the_row_unusable_until_it_is_put_back(
    *, pair: Pair, values: dict[str, Any], reasons: set[str], checked: bool
) -> None:
    key, token_id = pair.keys[0], pair.ids[0]
    if pair.service.dev.database_url.startswith("sqlite"):
        values = {name: value.decode() if name == "integration" else value for name, value in values.items()}
    original = pair.rows.read(key, *values)
    pair.rows.write((key, values))
    for required in (READ, WRITE):
        refused = refusal(lambda required=required: pair.service.write.resolve(token_id, required))  # type: ignore[misc]  # bound
        assert refused.reason in reasons | (
            {"SCOPE_MISMATCH"} if required == WRITE and "scope" not in values else set()
        )
        assert pair.tokens[0].encode() not in refused.everything
    try:
        allowed = pair.service.write.check_scope(token_id, WRITE).allowed
    except Refused as refused:
        assert refused.reason in reasons  # noqa: PT017  # an answer is as good where the column is not sealed into it
        allowed = False
    else:
        assert not checked, "the changed column is not noticed"
    assert not allowed
    pair.rows.write((values.get("token_key", key), original))
    assert pair.seen() == pair.expected()


def test_rows_whose_keys_have_changed_places_open_for_nobody(either: Service) -> None:
    pair = pair_of(either)
    first, second = (pair.rows.read(key, "shard", "token_key") for key in pair.keys)
    free: dict[str, Any] = {"shard": 4096, "token_key": b"x" * 32}
    change_places = ((pair.keys[0], free), (pair.keys[1], first), (b"x" * 32, second))
    pair.rows.write(*change_places)
    for token_id in pair.ids:
        refused = refusal(lambda token_id=token_id: either.write.resolve(token_id))  # type: ignore[misc]  # bound
        assert refused.reason == "CREDENTIAL_UNREADABLE"
    pair.rows.write(*change_places)
    assert pair.seen() == pair.expected()


@pytest.mark.parametrize("column", [*SEALED, "scope", "generation", "format", "identity_key"])
def test_revoke_works_on_a_row_that_nobody_can_read(either: Service, column: str) -> None:
    pair = pair_of(either)
    broken = pair.rows.read(pair.keys[0], column)[column]
    pair.rows.write((pair.keys[0], {column: 2 if isinstance(broken, int) else bytes(len(broken))}))
    either.write.revoke(pair.ids[0])
    assert pair.keys[0] not in pair.rows.keys()  # noqa: SIM118  # its own method
    assert refusal(lambda: either.write.resolve(pair.ids[0])).reason == "TOKEN_NOT_FOUND"
    assert token_of(either.write.resolve(pair.ids[1])) == pair.tokens[1]


def test_a_changed_row_is_never_written(either: Service) -> None:
    pair = pair_of(either)
    original = pair.rows.read(pair.keys[0], "access_blob", "version", "state")
    pair.rows.write((pair.keys[0], {"access_blob": bytes(64)}))
    refusal(lambda: either.write.resolve(pair.ids[0]))
    refusal(lambda: either.write.resolve(pair.ids[0], rejected_generation=1))
    after = pair.rows.read(pair.keys[0], "access_blob", "version", "state")
    assert after == {**original, "access_blob": bytes(64)}
