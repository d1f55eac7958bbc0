"""No key and no secret shows: not printed, not pickled, not copied, not hanging on an error."""

import copy
import pickle  # noqa: TID251  # to see that it refuses
import traceback
from pathlib import Path

import pytest

from mmt_grpc.crypto.contents import Kind, decode
from mmt_grpc.crypto.epoch import EpochKey
from mmt_grpc.crypto.errors import KeyringError
from mmt_grpc.crypto.index import KeyedIndex
from mmt_grpc.crypto.key import Key
from mmt_grpc.crypto.keyrings import KeyringPair
from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.root_key import FileRootKey
from mmt_grpc.crypto.rows import RowAccessSealing, RowSealing
from mmt_grpc.domain.errors import CredentialUnreadableError
from mmt_grpc.domain.token_row import Binding, SealedToken
from tests.crypto.material import (
    access_keyring,
    access_row,
    fixed_contents,
    fixed_key,
    metadata_for,
    renewal_keyring,
)

MATERIALS = [fixed_key(name) for name in ("index", "shard", "caller", "request", "root")] + [
    fixed_key(f"{side} {epoch}") for side in ("access", "renewal") for epoch in (1, 2)
]
HOLDERS = [
    Key(fixed_key("index")),
    EpochKey(1, Key(fixed_key("access 1"))),
    fixed_contents(Kind.ACCESS),
    fixed_contents(Kind.RENEWAL),
    access_keyring(),
    renewal_keyring(),
    FileRootKey(material=fixed_key("root"), randomness=SystemRandomness()),
    KeyedIndex(access_keyring=access_keyring()),
    RowAccessSealing(access_keyring=access_keyring()),
    RowSealing(access_keyring=access_keyring(), renewal_keyring=renewal_keyring(), randomness=SystemRandomness()),
]
every_holder = pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)


def shows(text: str) -> bool:
    """Whether a text holds any of the keys, in one of the ways that bytes are printed."""
    return any(str(key)[2:-1] in text or key.hex() in text for key in MATERIALS)


def test_a_planted_key_would_be_found() -> None:
    assert shows(repr(fixed_key("index")))
    assert shows(f"key={fixed_key('renewal 2').hex()}")


@every_holder
def test_what_holds_keys_does_not_print_them(holder: object) -> None:
    assert not shows(f"{holder!r} {holder!s} {[holder]}")


@every_holder
def test_what_holds_keys_is_neither_pickled_nor_copied(holder: object) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(holder)
    with pytest.raises(TypeError):
        copy.deepcopy(holder)


def test_a_key_of_a_wrong_kind_is_refused_without_showing_it() -> None:
    with pytest.raises(ValueError, match=r"^a key has 32 bytes, not 31$"):
        Key(fixed_key("index")[:31])
    with pytest.raises(TypeError, match=r"^a key is bytes, not str$"):
        Key(fixed_key("index").hex())  # type: ignore[arg-type]  # the mistake in question


def test_the_status_of_keyrings_shows_no_key(tmp_path: Path) -> None:
    made: list[bytes] = []

    class Watched(SystemRandomness):
        def random_bytes(self, count: int) -> bytes:
            made.append(super().random_bytes(count))
            return made[-1]

    root = FileRootKey.create(tmp_path / "root.key", randomness=Watched())
    pair = KeyringPair(directory=tmp_path, access_root=root, renewal_root=root, randomness=Watched())
    pair.init(created_at=1)
    status = repr(pair.status())
    keys = [value for value in made if len(value) == 32]
    # The root key, four labelled keys, two epoch keys and two file keys.
    assert len(keys) == 9
    assert not any(key.hex() in status or str(key)[2:-1] in status for key in keys)
    files = b"".join(path.read_bytes() for path in tmp_path.glob("*.keyring"))
    assert not any(key in files or key.hex().encode() in files for key in keys)


def test_an_unreadable_row_says_nothing_but_its_reason(
    access_sealing: RowAccessSealing, binding: Binding, sealed: SealedToken
) -> None:
    row = access_row(binding, sealed)
    with pytest.raises(CredentialUnreadableError) as caught:
        access_sealing.open_access(access_row(binding, SealedToken(1, 2, *[row.metadata_blob or b""] * 5)))
    assert caught.value.args == ("CREDENTIAL_UNREADABLE",)
    printed = "".join(traceback.format_exception(caught.value))
    assert "canary" not in printed
    assert metadata_for().identity.end_user_id not in printed


def test_a_keyring_that_cannot_be_read_says_nothing_of_its_content() -> None:
    encoded = access_keyring().serialise().replace(b"caller", b"\xff\xfe\xfd\xfc\xfb\xfa")
    with pytest.raises(KeyringError, match=r"^a keyring that cannot be read$") as caught:
        decode(encoded)
    assert caught.value.__context__ is None
    assert not shows("".join(traceback.format_exception(caught.value)))


def test_a_worker_holds_nothing_that_opens_a_renewal() -> None:
    """The bytes a worker is handed contain every access key and not one renewal key."""
    handed = access_keyring().serialise()
    assert all(fixed_key(f"access {epoch}") in handed for epoch in (1, 2))
    assert not any(fixed_key(f"renewal {epoch}") in handed for epoch in (1, 2))
