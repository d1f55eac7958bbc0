"""Root keys in files: refused with the flaw's name unless they are their owner's alone, and whole."""

import os
import stat
from pathlib import Path

import pytest

from mmt_grpc.crypto.errors import KeyringError
from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.root_key import FileRootKey

RANDOMNESS = SystemRandomness()


@pytest.fixture
def root(tmp_path: Path) -> FileRootKey:
    return FileRootKey.create(tmp_path / "root.key", randomness=RANDOMNESS)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666])
def test_a_root_key_open_to_others_is_refused(tmp_path: Path, root: FileRootKey, mode: int) -> None:
    assert root.kind == "file"
    (tmp_path / "root.key").chmod(mode)
    with pytest.raises(KeyringError, match="open to group or others"):
        FileRootKey.load(tmp_path / "root.key", randomness=RANDOMNESS)


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_a_root_key_of_a_wrong_size_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "root.key"
    path.write_bytes(b"k" * size)
    path.chmod(0o600)
    with pytest.raises(KeyringError, match="must have 32 bytes"):
        FileRootKey.load(path, randomness=RANDOMNESS)
    with pytest.raises(KeyringError, match=f"has 32 bytes, not {size}"):
        FileRootKey(material=b"k" * size, randomness=RANDOMNESS)


def test_a_root_key_that_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(KeyringError, match="not a regular file"):
        FileRootKey.load(tmp_path / "pipe", randomness=RANDOMNESS)
    with pytest.raises(KeyringError, match="No such file"):
        FileRootKey.load(tmp_path / "missing", randomness=RANDOMNESS)


def test_a_root_key_of_another_user_is_refused(
    tmp_path: Path, root: FileRootKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert root.kind == "file"
    look = os.fstat

    def as_if_another_user_owned_it(descriptor: int) -> os.stat_result:
        seen = list(look(descriptor))
        seen[stat.ST_UID] = os.geteuid() + 4242
        return os.stat_result(seen)

    monkeypatch.setattr(os, "fstat", as_if_another_user_owned_it)
    with pytest.raises(KeyringError, match="belongs to another user"):
        FileRootKey.load(tmp_path / "root.key", randomness=RANDOMNESS)


def test_a_root_key_is_never_overwritten(tmp_path: Path, root: FileRootKey) -> None:
    before = (tmp_path / "root.key").read_bytes()
    with pytest.raises(KeyringError, match="exists already"):
        FileRootKey.create(tmp_path / "root.key", randomness=RANDOMNESS)
    assert (tmp_path / "root.key").read_bytes() == before
    assert FileRootKey.load(tmp_path / "root.key", randomness=RANDOMNESS).key_id == root.key_id


def test_what_is_wrapped_opens_for_what_it_was_wrapped_for_alone(root: FileRootKey) -> None:
    wrapped = root.wrap(b"k" * 32, b"bound")
    assert root.unwrap(wrapped, b"bound") == b"k" * 32
    for damaged, bound in ((wrapped, b"other"), (wrapped[:-1], b"bound"), (wrapped[:11], b"bound"), (b"", b"bound")):
        with pytest.raises(KeyringError):
            root.unwrap(damaged, bound)
