"""Keyring files: what does not fit is refused with the flaw's name."""

import base64
import json
import os
import stat
import string
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mmt_grpc.crypto.contents import Kind, encode
from mmt_grpc.crypto.errors import KeyringError
from mmt_grpc.crypto.keyring_file import FILE_NAMES, FORMAT, read_header, read_keyring, write_keyring
from mmt_grpc.crypto.keyrings import KeyringPair, load_access_keyring, load_renewal_keyring
from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.root_key import FileRootKey
from mmt_grpc.domain.framing import frame
from tests.crypto.material import fixed_contents

RANDOMNESS = SystemRandomness()
every_kind = pytest.mark.parametrize("kind", Kind)


@pytest.fixture
def root(tmp_path: Path) -> FileRootKey:
    return FileRootKey.create(tmp_path / "root.key", randomness=RANDOMNESS)


@pytest.fixture
def directory(tmp_path: Path, root: FileRootKey) -> Path:
    """A directory with both keyrings of one installation."""
    made = tmp_path / "keys"
    pair = KeyringPair(directory=made, access_root=root, renewal_root=root, randomness=RANDOMNESS)
    pair.init(created_at=1)
    return made


def path_of(directory: Path, kind: Kind) -> Path:
    return directory / FILE_NAMES[kind]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_root_key_and_keyrings_are_for_their_owner_alone(tmp_path: Path, directory: Path) -> None:
    assert mode_of(tmp_path / "root.key") == 0o600
    assert mode_of(directory) == 0o700
    assert {path.name: mode_of(path) for path in directory.iterdir()} == dict.fromkeys(FILE_NAMES.values(), 0o600)


def test_a_root_key_read_again_opens_what_it_wrapped(tmp_path: Path, directory: Path) -> None:
    again = FileRootKey.load(tmp_path / "root.key", randomness=RANDOMNESS)
    assert load_access_keyring(directory=directory, root_key=again).epochs == (1,)
    assert load_renewal_keyring(directory=directory, root_key=again).epochs == (1,)


@every_kind
def test_another_root_key_is_refused_by_name(tmp_path: Path, directory: Path, root: FileRootKey, kind: Kind) -> None:
    other = FileRootKey.create(tmp_path / "other.key", randomness=RANDOMNESS)
    with pytest.raises(KeyringError, match=f"wrapped by root key file:{root.key_id}, not by file:{other.key_id}"):
        read_keyring(path_of(directory, kind), kind, root_key=other)


@every_kind
def test_another_root_key_under_a_forged_header_opens_nothing(
    tmp_path: Path, directory: Path, root: FileRootKey, kind: Kind
) -> None:
    other = FileRootKey.create(tmp_path / "other.key", randomness=RANDOMNESS)
    path = path_of(directory, kind)
    path.write_text(path.read_text().replace(root.key_id, other.key_id))
    with pytest.raises(KeyringError, match="a file key that this root key does not open"):
        read_keyring(path, kind, root_key=other)


@every_kind
def test_swapped_files_are_refused(directory: Path, root: FileRootKey, kind: Kind) -> None:
    access, renewal = (path_of(directory, kind) for kind in Kind)
    access.rename(directory / "aside")
    renewal.rename(access)
    (directory / "aside").rename(renewal)
    with pytest.raises(KeyringError, match=f"where the {kind} keyring belongs"):
        read_keyring(path_of(directory, kind), kind, root_key=root)


@every_kind
def test_a_header_changed_to_the_other_kind_opens_nothing(directory: Path, root: FileRootKey, kind: Kind) -> None:
    other = next(candidate for candidate in Kind if candidate is not kind)
    path = path_of(directory, kind)
    path.write_text(path.read_text().replace(f'"kind":"{kind}"', f'"kind":"{other}"'))
    with pytest.raises(KeyringError, match="does not open"):
        read_keyring(path, other, root_key=root)


@every_kind
def test_a_header_with_another_keyring_id_opens_nothing(directory: Path, root: FileRootKey, kind: Kind) -> None:
    path = path_of(directory, kind)
    path.write_text(path.read_text().replace(read_header(path).keyring_id.hex(), "00" * 16))
    with pytest.raises(KeyringError, match="does not open"):
        read_keyring(path, kind, root_key=root)


@every_kind
def test_the_sealed_line_of_another_file_opens_nothing(
    tmp_path: Path, directory: Path, root: FileRootKey, kind: Kind
) -> None:
    path, other = path_of(directory, kind), tmp_path / "other"
    write_keyring(other, fixed_contents(kind), root_key=root, randomness=RANDOMNESS, replace=False)
    path.write_bytes(path.read_bytes().split(b"\n")[0] + b"\n" + other.read_bytes().split(b"\n")[1] + b"\n")
    with pytest.raises(KeyringError, match="damaged or changed"):
        read_keyring(path, kind, root_key=root)


@every_kind
def test_a_torn_file_is_refused_wherever_it_was_cut(directory: Path, root: FileRootKey, kind: Kind) -> None:
    path = path_of(directory, kind)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(KeyringError):
            read_keyring(path, kind, root_key=root)
        path.write_bytes(whole[:length] + bytes(len(whole) - length))
        with pytest.raises(KeyringError):
            read_keyring(path, kind, root_key=root)


def test_every_changed_byte_is_noticed(directory: Path, root: FileRootKey) -> None:
    path = path_of(directory, Kind.RENEWAL)
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :])
        with pytest.raises(KeyringError):
            read_keyring(path, Kind.RENEWAL, root_key=root)


def test_a_second_spelling_of_the_same_bytes_is_refused(directory: Path, root: FileRootKey) -> None:
    path = path_of(directory, Kind.RENEWAL)
    line, body, _ = path.read_bytes().split(b"\n")
    assert body.endswith(b"=")
    unpadded = body.rstrip(b"=")
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    # The last character has bits to spare: the next one of the alphabet means the same bytes to a lenient reader.
    stray = alphabet[alphabet.index(chr(unpadded[-1])) + 1].encode()
    respelt = unpadded[:-1] + stray + body[len(unpadded) :]
    assert base64.b64decode(respelt) == base64.b64decode(body)
    path.write_bytes(line + b"\n" + respelt + b"\n")
    with pytest.raises(KeyringError, match="damaged or changed"):
        read_keyring(path, Kind.RENEWAL, root_key=root)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b"\xff",
        b'{"format":"mmt-keyring-2"}',
        b'{"format":"mmt-keyring-1","kind":"other"}',
        b'{"format":"mmt-keyring-1","kind":"access","keyring_id":7}',
        b'{"format":"mmt-keyring-1","kind":"access","keyring_id":"zz"}',
        b'{"format":"mmt-keyring-1","kind":"access","keyring_id":"00","root_key":"file"}',
        b'{"format":"mmt-keyring-1","kind":"access","keyring_id":"00","root_key":{"kind":"f","id":"i"},"file_key":"?"}',
        b'{"format":"mmt-keyring-1","kind":"access","keyring_id":"00","root_key":{"kind":"f","id":"i"},"file_key":7}',
    ],
)
def test_what_is_no_keyring_is_refused(tmp_path: Path, root: FileRootKey, header: bytes) -> None:
    path = tmp_path / "keyring"
    path.write_bytes(header + b"\nAAAA\n")
    with pytest.raises(KeyringError, match=r"not a keyring|not in format"):
        read_keyring(path, Kind.ACCESS, root_key=root)


def test_a_wrapped_key_that_is_cut_off_is_refused(directory: Path, root: FileRootKey) -> None:
    path = path_of(directory, Kind.ACCESS)
    line, body, _ = path.read_bytes().split(b"\n")
    header = json.loads(line) | {"file_key": base64.b64encode(b"short").decode()}
    path.write_bytes(json.dumps(header).encode() + b"\n" + body + b"\n")
    with pytest.raises(KeyringError, match="cut off"):
        read_keyring(path, Kind.ACCESS, root_key=root)


def test_contents_of_another_installation_under_a_genuine_header_are_refused(
    directory: Path, root: FileRootKey
) -> None:
    path = path_of(directory, Kind.ACCESS)
    line = path.read_bytes().split(b"\n")[0]
    header = read_header(path)
    # Only whoever holds the root key can make this: the contents of one installation behind the header of another.
    bound = frame(b"mmt keyring", FORMAT.encode(), header.keyring_id, Kind.ACCESS.encode())
    cipher, nonce = AESGCM(root.unwrap(header.file_key, bound)), bytes(12)
    sealed = nonce + cipher.encrypt(nonce, encode(fixed_contents(Kind.ACCESS)), line)
    path.write_bytes(line + b"\n" + base64.b64encode(sealed) + b"\n")
    with pytest.raises(KeyringError, match="header and contents belong to different keyrings"):
        read_keyring(path, Kind.ACCESS, root_key=root)


def test_a_missing_keyring_is_named(tmp_path: Path, root: FileRootKey) -> None:
    with pytest.raises(KeyringError, match=r"access\.keyring: No such file"):
        load_access_keyring(directory=tmp_path, root_key=root)


def test_writing_leaves_the_old_keyring_if_it_fails(
    tmp_path: Path, root: FileRootKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keyring"
    contents = fixed_contents(Kind.ACCESS)
    write_keyring(path, contents, root_key=root, randomness=RANDOMNESS, replace=False)
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyringError, match="No space left"):
        write_keyring(path, contents, root_key=root, randomness=RANDOMNESS, replace=True)
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["keyring", "root.key"]


def test_a_keyring_is_on_the_disk_before_its_name_and_the_name_before_it_counts(
    tmp_path: Path, root: FileRootKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []
    path, sync = tmp_path / "keyring", os.fsync

    def watched(descriptor: int) -> None:
        synced.append(("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file", path.exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    write_keyring(path, fixed_contents(Kind.ACCESS), root_key=root, randomness=RANDOMNESS, replace=False)
    assert synced == [("file", False), ("directory", True)]


def test_each_writing_uses_a_key_of_its_own(tmp_path: Path, root: FileRootKey) -> None:
    for name in ("first", "second"):
        write_keyring(tmp_path / name, fixed_contents(Kind.ACCESS), root_key=root, randomness=RANDOMNESS, replace=False)
    first, second = ((tmp_path / name).read_bytes().split(b"\n") for name in ("first", "second"))
    assert first[0] != second[0]
    assert first[1] != second[1]
