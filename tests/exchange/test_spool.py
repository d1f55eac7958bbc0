"""The spool keeps what it says it keeps, for its owner alone, and what is scrubbed is gone."""

import os
import threading
from pathlib import Path

import pytest

from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.records import RenewalRecordSealing
from mmt_grpc.domain.errors import CredentialUnreadableError, StoreUnavailableError
from mmt_grpc.domain.failpoints import NoFailpoints
from mmt_grpc.domain.model import ApiKeyPair, BearerToken, Scope
from mmt_grpc.domain.ports.exchanger import StagedRevocation
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.token_row import Binding, SealedToken
from mmt_grpc.exchange.records import GrantRecord, decode_grant, decode_staged, encode_grant, encode_staged
from mmt_grpc.exchange.spool import Spool
from tests.crypto.material import renewal_keyring
from tests.support.fakes_failure import RecordingLog

KEY = bytes(range(32))
SEALING = RenewalRecordSealing(renewal_keyring=renewal_keyring(), randomness=SystemRandomness())


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """A spool in a directory of its own."""
    return Spool(directory=tmp_path / "state" / "spool", sealing=SEALING, failpoints=NoFailpoints(), log=RecordingLog())


def files(tmp_path: Path) -> list[Path]:
    """List what lies in the spool's directory."""
    return sorted((tmp_path / "state" / "spool").iterdir())


def test_a_record_is_there_for_the_next_life(spool: Spool, tmp_path: Path) -> None:
    spool.put("grant", KEY, b"content")

    again = Spool(
        directory=tmp_path / "state" / "spool", sealing=SEALING, failpoints=NoFailpoints(), log=RecordingLog()
    )

    assert again.get("grant", KEY) == b"content"
    assert [(entry.kind, entry.key) for entry in again.entries()] == [("grant", KEY)]


def test_the_newest_of_a_name_is_what_is_there(spool: Spool, tmp_path: Path) -> None:
    for content in (b"one", b"two", b"three"):
        spool.put("grant", KEY, content)

    assert spool.get("grant", KEY) == b"three"
    assert len(files(tmp_path)) == 1


def test_it_is_readable_to_its_owner_alone(spool: Spool, tmp_path: Path) -> None:
    spool.put("grant", KEY, b"content")

    assert (tmp_path / "state" / "spool").stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in files(tmp_path)] == [0o600]


def test_nothing_in_it_can_be_read_without_the_keys(spool: Spool, tmp_path: Path) -> None:
    spool.put("grant", KEY, b"canary-content")

    (path,) = files(tmp_path)
    assert b"canary" not in path.read_bytes()


def test_kinds_and_keys_do_not_mix(spool: Spool) -> None:
    spool.put("grant", KEY, b"grant")
    spool.put("unwanted", KEY, b"unwanted")

    assert spool.get("grant", bytes(32)) is None
    assert (spool.get("grant", KEY), spool.get("unwanted", KEY)) == (b"grant", b"unwanted")
    assert [entry.kind for entry in spool.entries("grant")] == ["grant"]
    spool.scrub("grant", KEY)
    assert spool.get("unwanted", KEY) == b"unwanted"


def test_a_record_renamed_to_another_kind_does_not_open(spool: Spool, tmp_path: Path) -> None:
    spool.put("grant", KEY, b"content")
    (path,) = files(tmp_path)
    path.rename(path.with_name(path.name.replace("grant", "unwanted")))

    with pytest.raises(CredentialUnreadableError):
        spool.get("unwanted", KEY)


def test_what_is_scrubbed_is_overwritten_before_it_is_unlinked(spool: Spool, tmp_path: Path) -> None:
    spool.put("grant", KEY, b"content")
    (path,) = files(tmp_path)
    size = path.stat().st_size
    os.link(path, tmp_path / "witness")

    spool.scrub("grant", KEY)

    assert files(tmp_path) == []
    assert (tmp_path / "witness").read_bytes() == bytes(size)
    assert spool.get("grant", KEY) is None


def test_scrubbing_what_is_not_there_is_fine(spool: Spool) -> None:
    spool.scrub("grant", KEY)

    assert list(spool.entries()) == []


def test_a_torn_write_is_no_record_and_is_cleared_away_at_the_start(spool: Spool, tmp_path: Path) -> None:
    spool.put("grant", KEY, b"content")
    (path,) = files(tmp_path)
    path.with_suffix(".partial").write_bytes(path.read_bytes()[:10])

    assert [entry.key for entry in spool.entries()] == [KEY]
    again = Spool(
        directory=tmp_path / "state" / "spool", sealing=SEALING, failpoints=NoFailpoints(), log=RecordingLog()
    )
    assert files(tmp_path) == [path]
    assert again.get("grant", KEY) == b"content"


def test_the_oldest_record_says_since_when_something_waits(spool: Spool, tmp_path: Path) -> None:
    assert spool.oldest() is None
    spool.put("grant", KEY, b"content")
    spool.put("unwanted", KEY, b"content")
    os.utime(files(tmp_path)[1], ns=(5_000_000, 5_000_000))

    assert spool.oldest() == 5_000


def test_a_disk_that_refuses_is_a_store_that_is_away(spool: Spool, tmp_path: Path) -> None:
    spool.put("grant", KEY, b"content")
    (path,) = files(tmp_path)
    path.unlink()
    path.mkdir()

    with pytest.raises(StoreUnavailableError):
        spool.put("grant", KEY, b"content")
    with pytest.raises(StoreUnavailableError):
        spool.scrub("grant", KEY)
    with pytest.raises(CredentialUnreadableError):
        spool.get("grant", KEY)


def test_many_threads_at_one_record_leave_one_whole_record(spool: Spool, tmp_path: Path) -> None:
    contents = [bytes([number]) * 5000 for number in range(8)]
    start = threading.Barrier(len(contents))

    def write(content: bytes) -> None:
        start.wait()
        for _ in range(5):
            spool.put("grant", KEY, content)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert spool.get("grant", KEY) in contents
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize(
    "credential", [BearerToken(Secret("access")), ApiKeyPair(Secret("key"), Secret("")), BearerToken(Secret("ä€𝄞"))]
)
@pytest.mark.parametrize("renewal", [None, Secret("renewal")])
def test_a_grant_reads_back_as_it_was_written(credential: BearerToken | ApiKeyPair, renewal: Secret | None) -> None:
    record = GrantRecord(KEY, "coinbase", credential, renewal)

    assert decode_grant(encode_grant(record)) == record


@pytest.mark.parametrize("renewal_blob", [None, b"renewal"])
@pytest.mark.parametrize("account_key", [None, KEY])
@pytest.mark.parametrize("unsettled", [True, False])
def test_a_staged_revocation_reads_back_as_it_was_written(
    renewal_blob: bytes | None, account_key: bytes | None, *, unsettled: bool
) -> None:
    staged = StagedRevocation(
        shard=4095,
        binding=Binding(KEY, KEY[::-1], "coinbase", Scope.WRITE, 2**40),
        sealed=SealedToken(1, 7, b"a", b"b", b"c", renewal_blob, b"e"),
        account_key=account_key,
        unsettled=unsettled,
    )

    assert decode_staged(encode_staged(staged)) == staged


@pytest.mark.parametrize("content", [b"", b"\0\0\0\1", b"\0\0\0\1x" * 3])
def test_what_is_no_record_is_none(content: bytes) -> None:
    for decode in (decode_grant, decode_staged):
        with pytest.raises(ValueError, match=r"."):
            decode(content)
