"""Attempts on disk: room for the answer before anything is sent, none too much after, nothing left when scrubbed."""

import os
from pathlib import Path

import pytest

from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.records import RenewalRecordSealing
from mmt_grpc.domain.secret import Secret
from mmt_grpc.exchange.attempt_files import ANSWER_AT, SIZE, AttemptFiles
from mmt_grpc.exchange.attempt_records import Answer, AttemptRecord, Intent
from tests.crypto.material import renewal_keyring
from tests.support.fakes_failure import ArmedFailpoints, RecordingLog

INTENT = Intent(b"a" * 16, 7, b"k" * 32, "coinbase", 3, 1_000, 2_000, 5)
ANSWER = Answer(Secret("access"), Secret("renewal"), 3_000, 3600.0, None)
BLOCK = 512
"""The unit of `st_blocks`."""


@pytest.fixture
def files(tmp_path: Path) -> AttemptFiles:
    """An empty spool directory."""
    sealing = RenewalRecordSealing(renewal_keyring=renewal_keyring(), randomness=SystemRandomness())
    return AttemptFiles(directory=tmp_path, sealing=sealing, failpoints=ArmedFailpoints(), log=RecordingLog())


def stat(tmp_path: Path) -> os.stat_result:
    (path,) = tmp_path.iterdir()
    return path.stat()


def test_an_intent_takes_all_the_room_that_an_answer_may_need(files: AttemptFiles, tmp_path: Path) -> None:
    files.intend(INTENT)

    assert stat(tmp_path).st_size == SIZE
    assert stat(tmp_path).st_blocks * BLOCK >= SIZE
    assert files.records() == [AttemptRecord(INTENT, None)]


def test_a_kept_answer_gives_back_the_room_that_it_does_not_take(files: AttemptFiles, tmp_path: Path) -> None:
    files.intend(INTENT)
    files.answer(INTENT, ANSWER)

    assert ANSWER_AT < stat(tmp_path).st_size < ANSWER_AT + 2 * 4096
    assert files.records() == [AttemptRecord(INTENT, ANSWER)]


def test_the_longest_answer_fits(files: AttemptFiles) -> None:
    longest = Answer(Secret("a" * 8192), Secret("r" * 8192), 3_000, 3600.0, 1e9)
    files.intend(INTENT)
    files.answer(INTENT, longest)

    assert files.records() == [AttemptRecord(INTENT, longest)]


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
        seen.extend(files.records())

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", settle_meanwhile)
        files.intend(INTENT)

    assert seen == []
    assert files.records() == [AttemptRecord(INTENT, None)]
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
        assert files.records() == [AttemptRecord(INTENT, None)]

    assert files.records() == [AttemptRecord(INTENT, None)]
    assert not torn.exists()
