"""No sealed column opens in another place, whoever can write the database."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import pytest

from mmt_grpc.crypto.rows import RowAccessSealing, RowSealing
from mmt_grpc.domain.errors import CredentialUnreadableError
from mmt_grpc.domain.model import BearerToken, Identity, Metadata, Scope
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.token_row import Binding, SealedToken
from tests.crypto.material import access_row, binding_for, metadata_for, next_generation

COLUMNS = ("access_key", "renewal_key", "access_blob", "renewal_blob", "metadata_blob")


@dataclass(frozen=True)
class Row:
    """A row of the population: what a database would hold of it."""

    binding: Binding
    sealed: SealedToken
    metadata: Metadata


def connected(sealing: RowSealing, metadata: Metadata, generation: int) -> Row:
    binding = binding_for(metadata, generation)
    credential = BearerToken(Secret(f"access {metadata.token_id} {generation}"))
    renewal = Secret(f"renewal {metadata.token_id} {generation}")
    sealed = sealing.seal_connection(binding=binding, credential=credential, renewal=renewal, metadata=metadata)
    return Row(binding, sealed, metadata)


def refreshed(sealing: RowSealing, row: Row) -> Row:
    binding = next_generation(row.binding)
    access, renewal = sealing.reseal(
        binding=binding, sealed=row.sealed, credential=BearerToken(Secret("new")), renewal=Secret("new")
    )
    return Row(binding, replace(row.sealed, access_blob=access, renewal_blob=renewal), row.metadata)


def population(sealing: RowSealing) -> Sequence[Row]:
    """Return 40 rows: 16 identities that connected, the same refreshed, and 8 of them connected anew."""
    identities = itertools.product(("client-1", "client-2"), ("anna", "bob"), ("coinbase", "uphold"), Scope)
    metadata = [
        metadata_for(Identity(*identity), f"0000{number:04x}-0000-8000-8000-000000000000")
        for number, identity in enumerate(identities)
    ]
    first = [connected(sealing, one, 1) for one in metadata]
    second = [refreshed(sealing, row) for row in first]
    third = [connected(sealing, one, 3) for one in metadata[:8]]
    return [*first, *second, *third]


def swaps(rows: Sequence[Row]) -> Iterator[tuple[Row, str, bytes]]:
    """Yield a row, one of its columns, and what is put there from another row or column."""
    cells = [(row, column) for row in rows for column in COLUMNS]
    for (row, column), (other, source) in itertools.permutations(cells, 2):
        stolen = getattr(other.sealed, source)
        # A refresh leaves three columns as they are: putting those back changes nothing.
        if stolen != getattr(row.sealed, column):
            yield row, column, stolen


def opens(sealing: RowSealing, worker: RowAccessSealing, row: Row, column: str) -> bool:
    """Whether anything that reads the column gives an answer."""
    columns = access_row(row.binding, row.sealed)
    attempts: list[Callable[[], object]] = [lambda: sealing.open(row.binding, row.sealed)]
    if column in {"access_key", "access_blob"}:
        attempts.append(lambda: worker.open_access(columns))
    if column in {"access_key", "metadata_blob"}:
        attempts.append(lambda: worker.open_metadata(columns))
    return not all(map(is_refused, attempts))


def is_refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except CredentialUnreadableError:
        return True
    return False


def test_no_column_opens_in_the_place_of_another(sealing: RowSealing, access_sealing: RowAccessSealing) -> None:
    rows = population(sealing)
    for row in rows:
        assert sealing.open(row.binding, row.sealed).metadata == row.metadata
    tried = opened = 0
    for row, column, stolen in swaps(rows):
        tried += 1
        changed = replace(row.sealed, **{column: stolen})  # type: ignore[arg-type]  # all five are bytes
        swapped = replace(row, sealed=changed)
        opened += opens(sealing, access_sealing, swapped, column)
    assert tried == 39_704
    assert opened == 0


def test_no_set_of_columns_opens_in_another_row(sealing: RowSealing, access_sealing: RowAccessSealing) -> None:
    opened = 0
    for row, other in itertools.permutations(population(sealing), 2):
        # Another generation of the same row says the same of itself: only its metadata may open.
        column = "access_blob" if row.binding.token_key == other.binding.token_key else "access_key"
        opened += opens(sealing, access_sealing, replace(row, sealed=other.sealed), column)
    assert opened == 0


@pytest.mark.parametrize("column", ["token_key", "identity_key", "integration", "scope", "generation"])
def test_a_row_whose_plain_columns_were_changed_does_not_open(
    sealing: RowSealing, access_sealing: RowAccessSealing, column: str
) -> None:
    one = connected(sealing, metadata_for(), 1)
    changes = {
        "token_key": bytes(32),
        "identity_key": bytes(32),
        "integration": "uphold",
        "scope": Scope.WRITE,
        "generation": 2,
    }
    changed = replace(one, binding=replace(one.binding, **{column: changes[column]}))  # type: ignore[arg-type]  # as named
    with pytest.raises(CredentialUnreadableError):
        sealing.open(changed.binding, changed.sealed)
    with pytest.raises(CredentialUnreadableError):
        access_sealing.open_access(access_row(changed.binding, changed.sealed))


@pytest.mark.parametrize("column", ["token_key", "identity_key", "integration", "scope"])
def test_metadata_in_a_row_whose_plain_columns_were_changed_does_not_open(
    sealing: RowSealing, access_sealing: RowAccessSealing, column: str
) -> None:
    one = connected(sealing, metadata_for(), 1)
    changes = {"token_key": bytes(32), "identity_key": bytes(32), "integration": "uphold", "scope": Scope.WRITE}
    binding = replace(one.binding, **{column: changes[column]})  # type: ignore[arg-type]  # as named
    with pytest.raises(CredentialUnreadableError):
        sealing.open_metadata(binding, one.sealed)
    with pytest.raises(CredentialUnreadableError):
        access_sealing.open_metadata(access_row(binding, one.sealed))


def test_metadata_opens_whatever_the_generation(sealing: RowSealing, access_sealing: RowAccessSealing) -> None:
    one = connected(sealing, metadata_for(), 1)
    later = replace(one.binding, generation=9)
    assert sealing.open_metadata(later, one.sealed) == one.metadata
    assert access_sealing.open_metadata(access_row(later, one.sealed)) == one.metadata
