"""Administration of an installation's two keyrings."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mmt_grpc.crypto.errors import KeyringError
from mmt_grpc.crypto.keyring_file import write_keyring
from mmt_grpc.crypto.keyrings import EpochStatus, KeyringPair, load_access_keyring, load_renewal_keyring
from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.root_key import FileRootKey
from mmt_grpc.crypto.rows import RowSealing
from tests.crypto.material import SetClock

RANDOMNESS = SystemRandomness()


@pytest.fixture
def roots(tmp_path: Path) -> tuple[FileRootKey, FileRootKey]:
    """Two root keys: one that opens the access keyring, one that opens the renewal keyring."""
    access, renewal = (
        FileRootKey.create(tmp_path / f"{name}.key", randomness=RANDOMNESS) for name in ("access", "renewal")
    )
    return access, renewal


@pytest.fixture
def pair(tmp_path: Path, roots: tuple[FileRootKey, FileRootKey]) -> KeyringPair:
    made = KeyringPair(directory=tmp_path / "keys", access_root=roots[0], renewal_root=roots[1], randomness=RANDOMNESS)
    made.init(created_at=11)
    return made


def stop_after_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have administration write one more keyring file, and fail at the next."""

    def once(*arguments: object, **options: object) -> None:
        monkeypatch.setattr("mmt_grpc.crypto.keyrings.write_keyring", never)
        write_keyring(*arguments, **options)  # type: ignore[arg-type]  # passed on as they came

    def never(*_arguments: object, **_options: object) -> None:
        raise KeyringError("the machine stopped")

    monkeypatch.setattr("mmt_grpc.crypto.keyrings.write_keyring", once)


def test_a_new_pair_has_one_current_epoch_in_both(pair: KeyringPair, roots: tuple[FileRootKey, FileRootKey]) -> None:
    status = pair.status()
    assert status.epochs == (EpochStatus(number=1, created_at=11, is_current=True, in_access=True, in_renewal=True),)
    assert (status.access_root, status.renewal_root) == tuple(f"file:{root.key_id}" for root in roots)


def test_the_root_key_of_one_keyring_does_not_open_the_other(
    tmp_path: Path, pair: KeyringPair, roots: tuple[FileRootKey, FileRootKey]
) -> None:
    assert len(pair.status().epochs) == 1
    with pytest.raises(KeyringError, match="wrapped by root key"):
        load_renewal_keyring(directory=tmp_path / "keys", root_key=roots[0])


@pytest.mark.parametrize("left", ["access.keyring", "renewal.keyring", "both"])
def test_existing_keyrings_are_never_overwritten(tmp_path: Path, pair: KeyringPair, left: str) -> None:
    directory = tmp_path / "keys"
    for path in directory.iterdir():
        if left not in {path.name, "both"}:
            path.unlink()
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    with pytest.raises(KeyringError, match="exists already and is not overwritten"):
        pair.init(created_at=12)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


def test_an_added_epoch_is_known_but_not_written_under_until_it_is_made_current(
    tmp_path: Path, pair: KeyringPair, roots: tuple[FileRootKey, FileRootKey]
) -> None:
    assert pair.add_epoch(created_at=12) == 2
    loaded = load_access_keyring(directory=tmp_path / "keys", root_key=roots[0])
    assert (loaded.epochs, loaded.current.number) == ((1, 2), 1)
    pair.make_current(2)
    assert [epoch.is_current for epoch in pair.status().epochs] == [False, True]
    for keyring in (
        load_access_keyring(directory=tmp_path / "keys", root_key=roots[0]),
        load_renewal_keyring(directory=tmp_path / "keys", root_key=roots[1]),
    ):
        assert (keyring.epochs, keyring.current.number) == ((1, 2), 2)


def test_an_epoch_that_does_not_exist_is_not_made_current(pair: KeyringPair) -> None:
    with pytest.raises(KeyringError, match="current epoch is missing"):
        pair.make_current(2)
    assert pair.status().epochs[0].is_current


def test_an_interrupted_addition_is_completed_under_the_same_number(
    pair: KeyringPair, monkeypatch: pytest.MonkeyPatch
) -> None:

    stop_after_one_file(monkeypatch)
    with pytest.raises(KeyringError, match="stopped"):
        pair.add_epoch(created_at=12)
    monkeypatch.undo()

    half = pair.status().epochs[1]
    assert (half.number, half.in_access, half.in_renewal) == (2, False, True)
    with pytest.raises(KeyringError, match="current epoch is missing"):
        pair.make_current(2)
    assert pair.add_epoch(created_at=13) == 2
    whole = pair.status().epochs[1]
    assert (whole.in_access, whole.in_renewal) == (True, True)
    assert pair.add_epoch(created_at=14) == 3


def test_an_interrupted_init_leaves_no_access_keyring_to_seal_with(
    tmp_path: Path, roots: tuple[FileRootKey, FileRootKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after_one_file(monkeypatch)
    unfinished = KeyringPair(
        directory=tmp_path / "keys", access_root=roots[0], renewal_root=roots[1], randomness=RANDOMNESS
    )
    with pytest.raises(KeyringError, match="stopped"):
        unfinished.init(created_at=1)
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["renewal.keyring"]


def test_administrators_at_the_same_time_lose_no_epoch(pair: KeyringPair) -> None:
    with ThreadPoolExecutor(4) as pool:
        added = [future.result() for future in [pool.submit(pair.add_epoch, created_at=12) for _ in range(12)]]
    assert sorted(added) == list(range(2, 14))
    assert [epoch.number for epoch in pair.status().epochs if epoch.in_access and epoch.in_renewal] == list(
        range(1, 14)
    )


def test_keyrings_of_two_installations_do_not_serve_together(
    tmp_path: Path, pair: KeyringPair, roots: tuple[FileRootKey, FileRootKey]
) -> None:
    other = KeyringPair(
        directory=tmp_path / "other", access_root=roots[0], renewal_root=roots[1], randomness=RANDOMNESS
    )
    other.init(created_at=1)
    access = load_access_keyring(directory=tmp_path / "keys", root_key=roots[0])
    renewal = load_renewal_keyring(directory=tmp_path / "other", root_key=roots[1])
    with pytest.raises(KeyringError, match="different installations"):
        RowSealing(access_keyring=access, renewal_keyring=renewal, randomness=RANDOMNESS)

    (tmp_path / "other" / "renewal.keyring").replace(tmp_path / "keys" / "renewal.keyring")
    refusals: list[Callable[[], object]] = [
        pair.status,
        lambda: pair.add_epoch(created_at=2),
        lambda: pair.make_current(1),
    ]
    for refusal in refusals:
        with pytest.raises(KeyringError, match="different installations"):
            refusal()


def test_a_running_process_learns_of_a_new_epoch_from_the_file(
    tmp_path: Path, pair: KeyringPair, roots: tuple[FileRootKey, FileRootKey]
) -> None:
    directory, clock = tmp_path / "keys", SetClock()
    access = load_access_keyring(directory=directory, root_key=roots[0], clock=clock)
    renewal = load_renewal_keyring(directory=directory, root_key=roots[1], clock=clock)
    pair.add_epoch(created_at=12)
    assert access.require(2).number == 2
    assert renewal.require(2).number == 2
    pair.make_current(2)
    access.refresh()
    assert access.current.number == 2


def test_administration_without_a_directory_is_refused(tmp_path: Path, roots: tuple[FileRootKey, FileRootKey]) -> None:
    nowhere = KeyringPair(
        directory=tmp_path / "nowhere", access_root=roots[0], renewal_root=roots[1], randomness=RANDOMNESS
    )
    with pytest.raises(KeyringError, match="No such file"):
        nowhere.add_epoch(created_at=1)
    (tmp_path / "nowhere").write_text("a file where the directory belongs")
    with pytest.raises(KeyringError, match="nowhere: File exists"):
        nowhere.init(created_at=1)
