"""Attempts on disk: room for the answer before anything is sent, none too much after, nothing left when scrubbed."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from mmt_grpc.crypto.keyring import RenewalKeyring
from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.records import RenewalRecordSealing
from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.framing import frame
from mmt_grpc.domain.secret import Secret
from mmt_grpc.exchange import attempt_files
from mmt_grpc.exchange.attempt_files import SIZE, AttemptFiles
from mmt_grpc.exchange.attempt_reading import ANSWER_AT
from mmt_grpc.exchange.attempt_records import Answer, AttemptRecord, Intent, Kept, encode_intent
from tests.crypto.material import renewal_keyring
from tests.support.fakes_failure import ArmedFailpoints, RecordingLog

INTENT = Intent(b"a" * 16, 7, b"k" * 32, "coinbase", 3, 1_000, 2_000, 5)
ANSWER = Answer(Secret("access"), Secret("renewal"), 3_000, 3600.0, None)
BLOCK = 512
"""The unit of `st_blocks`."""


@pytest.fixture
def files(tmp_path: Path) -> AttemptFiles:
    """An empty spool directory."""
    return files_in(tmp_path, renewal_keyring())


def files_in(directory: Path, keyring: RenewalKeyring, log: RecordingLog | None = None) -> AttemptFiles:
    sealing = RenewalRecordSealing(renewal_keyring=keyring, randomness=SystemRandomness())
    return AttemptFiles(directory=directory, sealing=sealing, failpoints=ArmedFailpoints(), log=log or RecordingLog())


def stat(tmp_path: Path) -> os.stat_result:
    (path,) = tmp_path.iterdir()
    return path.stat()


def test_an_intent_takes_all_the_room_that_an_answer_may_need(files: AttemptFiles, tmp_path: Path) -> None:
    files.intend(INTENT)

    assert stat(tmp_path).st_size == SIZE
    assert stat(tmp_path).st_blocks * BLOCK >= SIZE
    assert files.read().records == [AttemptRecord(INTENT, None)]


def test_a_kept_answer_gives_back_the_room_that_it_does_not_take(files: AttemptFiles, tmp_path: Path) -> None:
    files.intend(INTENT)
    files.answer(INTENT, ANSWER)

    assert ANSWER_AT < stat(tmp_path).st_size < ANSWER_AT + 2 * 4096
    assert files.read().records == [AttemptRecord(INTENT, ANSWER)]


def test_the_longest_answer_fits(files: AttemptFiles) -> None:
    longest = Answer(Secret("a" * 8192), Secret("r" * 8192), 3_000, 3600.0, 1e9)
    files.intend(INTENT)
    files.answer(INTENT, longest)

    assert files.read().records == [AttemptRecord(INTENT, longest)]


def test_an_answer_is_overwritten_to_its_end_before_it_is_unlinked(files: AttemptFiles, tmp_path: Path) -> None:
    files.intend(INTENT)
    files.answer(INTENT, ANSWER)
    (path,) = tmp_path.iterdir()
    size = path.stat().st_size
    with path.open("rb") as kept:
        files.scrub(INTENT.attempt_id)

        assert kept.read() == bytes(size)
    assert list(tmp_path.iterdir()) == []


def test_a_record_that_is_being_written_is_removed_by_nobody_who_settles_meanwhile(
    files: AttemptFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    allocate, seen = os.posix_fallocate, list[AttemptRecord]()

    def settle_meanwhile(descriptor: int, offset: int, length: int) -> None:
        allocate(descriptor, offset, length)
        seen.extend(files.read().records)

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", settle_meanwhile)
        files.intend(INTENT)

    assert seen == []
    assert files.read().records == [AttemptRecord(INTENT, None)]
    assert files.knows(INTENT.attempt_id)


def test_a_file_without_an_intent_that_cannot_be_removed_keeps_nobody_from_settling(
    files: AttemptFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.intend(INTENT)
    torn = tmp_path / f"attempt-{bytes(16).hex()}.record"
    torn.write_bytes(bytes(SIZE))

    def refuse(*_: object) -> None:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", refuse)
        assert files.read().records == [AttemptRecord(INTENT, None)]

    assert files.read().records == [AttemptRecord(INTENT, None)]
    assert not torn.exists()


def test_a_record_whose_epoch_is_not_in_the_keyring_may_be_read_another_day(tmp_path: Path) -> None:
    of_the_second = files_in(tmp_path, renewal_keyring(epochs=(1, 2), current=2))
    of_the_second.intend(INTENT)
    of_the_second.answer(INTENT, ANSWER)
    for epochs in ((1,), (1, 3)):
        log = RecordingLog()
        without = files_in(tmp_path, renewal_keyring(epochs=epochs, current=epochs[-1]), log)

        assert [without.read() for _ in range(2)] == [Kept([], frozenset({INTENT.attempt_id}))] * 2
        assert without.knows(INTENT.attempt_id)
        assert [(name, fields["why"]) for _, name, fields in log.events] == [
            ("attempt_unreadable", "key epoch not in the keyring")
        ]
    assert of_the_second.read() == Kept([AttemptRecord(INTENT, ANSWER)])


def test_an_answer_whose_epoch_alone_is_missing_hides_nothing_of_its_attempt(tmp_path: Path) -> None:
    files_in(tmp_path, renewal_keyring(epochs=(1,), current=1)).intend(INTENT)
    files_in(tmp_path, renewal_keyring(epochs=(1, 2), current=2)).answer(INTENT, ANSWER)

    without = files_in(tmp_path, renewal_keyring(epochs=(1,), current=1))

    assert without.read() == Kept([], frozenset({INTENT.attempt_id}))


def test_a_keyring_that_cannot_be_read_now_costs_one_record_its_certainty(
    files: AttemptFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.intend(INTENT)
    other = replace(INTENT, attempt_id=b"b" * 16)
    files.intend(other)
    opens = RenewalRecordSealing.open_record

    def unavailable(sealing: RenewalRecordSealing, purpose: str, sealed: bytes) -> bytes:
        content = opens(sealing, purpose, sealed)
        if INTENT.attempt_id in content:
            raise StoreUnavailableError
        return content

    monkeypatch.setattr(RenewalRecordSealing, "open_record", unavailable)

    assert files.read() == Kept([AttemptRecord(other, None)], frozenset({INTENT.attempt_id}))


def test_a_record_of_another_version_may_be_read_by_that(files: AttemptFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(attempt_files, "encode_intent", lambda intent: encode_intent(intent) + frame(b"more"))
        files.intend(INTENT)

    assert files.read() == Kept([], frozenset({INTENT.attempt_id}))


@pytest.mark.parametrize("at", [0, 4], ids=["its head", "what it says"])
def test_a_damaged_intent_may_have_been_sent_and_is_read_on_no_day(
    files: AttemptFiles, tmp_path: Path, at: int
) -> None:
    files.intend(INTENT)
    damage(tmp_path, 4 + at * 16)

    assert files.read() == Kept([])
    assert files.knows(INTENT.attempt_id)


def test_a_damaged_answer_counts_as_none(tmp_path: Path) -> None:
    log = RecordingLog()
    files = files_in(tmp_path, renewal_keyring(), log)
    files.intend(INTENT)
    files.answer(INTENT, ANSWER)
    damage(tmp_path, ANSWER_AT + 60)

    assert [files.read() for _ in range(2)] == [Kept([AttemptRecord(INTENT, None)])] * 2
    assert [fields["why"] for _, _, fields in log.events] == ["damaged answer"]


def damage(tmp_path: Path, at: int) -> None:
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
def test_a_directory_that_cannot_be_listed_is_not_taken_for_an_empty_one(
    files: AttemptFiles, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    files.intend(INTENT)

    def refuse(*_: object) -> None:
        raise OSError(number, "refused")

    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", refuse)
        patch.setattr(os, "scandir", refuse)
        with pytest.raises(StoreUnavailableError):
            files.read()
