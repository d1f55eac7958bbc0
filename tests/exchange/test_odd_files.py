"""A file in the spool that is odd, or that the disk does not give back, costs itself alone."""

import errno
import os
from pathlib import Path

import pytest

from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.token_row import TokenState
from mmt_grpc.exchange.spool_listing import SpoolListing, name_of, record_of
from tests.exchange.bad_blocks import live, uncommitted
from tests.support.fakes_world import THIS, Client, World

KEY = bytes(range(32))
FOREIGN = (
    "attempt-x.record",
    "attempt-.record",
    f"attempt-{KEY.hex().upper()}.record",
    "attempt-00 11.record",
    f"-{KEY.hex()}.record",
    "notes.record",
    "grant-é\n.record",
)
PERIOD = 100


@pytest.fixture
def told() -> list[tuple[str, str]]:
    """What a listing has told of."""
    return []


@pytest.fixture
def listing(tmp_path: Path, told: list[tuple[str, str]]) -> SpoolListing:
    """A listing of an empty directory."""
    return SpoolListing(directory=tmp_path, on_odd=lambda name, why: told.append((name, why)))


def write(directory: Path, kind: str, key: bytes, written_at: int) -> Path:
    path = directory / name_of(kind, key)
    path.write_bytes(b"sealed")
    os.utime(path, ns=(written_at * 1000, written_at * 1000))
    return path


def unreachable(directory: Path, kind: str, key: bytes) -> Path:
    """Make a file that is there by its name, and neither opens nor says anything of itself."""
    path = directory / name_of(kind, key)
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        path.stat()
    return path


def test_files_that_are_called_otherwise_are_no_records(
    listing: SpoolListing, tmp_path: Path, told: list[tuple[str, str]]
) -> None:
    for name in FOREIGN:
        (tmp_path / name).touch()
    write(tmp_path, "grant", KEY, 5)

    for _ in range(3):
        assert [(entry.kind, entry.key, entry.written_at) for entry in listing.entries()] == [("grant", KEY, 5)]

    assert sorted(told) == sorted((ascii(name)[1:-1], "foreign name") for name in FOREIGN)


def test_a_file_that_says_nothing_of_itself_is_listed_and_told_of_once(
    listing: SpoolListing, tmp_path: Path, told: list[tuple[str, str]]
) -> None:
    path = unreachable(tmp_path, "unwanted", KEY)
    os.utime(tmp_path, ns=(7_000, 7_000))
    write(tmp_path, "unwanted", KEY[::-1], 3)
    os.utime(tmp_path, ns=(7_000, 7_000))

    listed = [listing.entries("unwanted") for _ in range(3)]

    assert [[(entry.key, entry.written_at) for entry in each] for each in listed] == [[(KEY, 7), (KEY[::-1], 3)]] * 3
    assert told == [(path.name, "ELOOP")]
    assert listing.oldest() == 3


def test_each_file_is_looked_at_once(listing: SpoolListing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Path] = []
    stat = Path.stat

    def counted(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        looked.append(path)
        return stat(path, follow_symlinks=follow_symlinks)

    paths = {write(tmp_path, "attempt", bytes([number]), number) for number in range(1, 20)}
    monkeypatch.setattr(Path, "stat", counted)
    for _ in range(5):
        assert listing.oldest() == 1
        assert listing.entries("unwanted") == []

    assert sorted(looked) == sorted(paths)


def test_what_is_written_anew_or_removed_is_listed_as_it_is(listing: SpoolListing, tmp_path: Path) -> None:
    first = write(tmp_path, "grant", KEY, 5)
    write(tmp_path, "grant", KEY[::-1], 8)
    assert listing.oldest() == 5

    write(tmp_path, "grant", KEY, 9)
    listing.forget(first.name)
    assert listing.oldest() == 8
    first.unlink()

    assert [entry.written_at for entry in listing.entries("grant")] == [8]


def test_kinds_that_begin_alike_are_listed_apart(listing: SpoolListing, tmp_path: Path) -> None:
    write(tmp_path, "un", KEY, 1)
    write(tmp_path, "un-wanted", KEY, 2)

    assert [entry.kind for entry in listing.entries("un")] == ["un"]
    assert record_of(name_of("un-wanted", KEY)) == ("un-wanted", KEY)


def test_a_directory_that_cannot_be_listed_is_not_taken_for_an_empty_one(
    listing: SpoolListing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise OSError(errno.EACCES, "refused")

    write(tmp_path, "grant", KEY, 5)
    assert listing.oldest() == 5
    monkeypatch.setattr(os, "listdir", refuse)

    with pytest.raises(StoreUnavailableError):
        listing.entries()
    assert listing.oldest() == 5


def test_a_replica_with_odd_files_beats_revokes_and_starts(world: World, client: Client) -> None:
    lost, other = uncommitted(world, client, "alice"), uncommitted(world, client, "bob")
    spool = world.directory / THIS.decode() / "spool"
    attempt_id = world.standing(lost).attempt_id
    assert attempt_id is not None
    unreachable(spool, "attempt", attempt_id)
    unreachable(spool, "unwanted", KEY)
    (spool / "attempt-x.record").touch()

    world.restart()
    seen_at = world.store.replicas.list()[0].seen_at
    live(world, PERIOD)
    world.life.engine.upstream.sweep()

    assert (world.standing(other).state, world.standing(other).binding.generation) == (TokenState.ACTIVE, 2)
    assert world.standing(lost).state is TokenState.IN_DOUBT
    assert world.store.replicas.list()[0].seen_at == seen_at + PERIOD * 1_000_000
    odd = {(fields["file"], fields["why"]) for fields in world.log.named("spool_file_odd")}
    assert odd == {
        (name_of("attempt", attempt_id), "ELOOP"),
        (name_of("unwanted", KEY), "ELOOP"),
        ("attempt-x.record", "foreign name"),
    }


def test_a_torn_write_that_the_disk_does_not_remove_does_not_keep_a_replica_from_starting(
    world: World, client: Client
) -> None:
    token = client.connect("alice", world.coinbase.authorize("alice")).token_id
    stuck = world.directory / THIS.decode() / "spool" / "grant-00.partial"
    stuck.mkdir()

    world.restart()

    assert client.resolve(token).generation == 1
    assert {"file": stuck.name, "why": "EISDIR"} in world.log.named("spool_file_odd")
