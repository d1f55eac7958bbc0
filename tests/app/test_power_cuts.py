"""A power cut at a new replica: what was durable when it was told stays where it can be found, under the same id."""

import os
import stat
from pathlib import Path

import pytest

from mmt_grpc.app.state_directory import StateDirectory
from mmt_grpc.cli.failures import told
from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.records import RenewalRecordSealing
from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.failpoints import NoFailpoints
from mmt_grpc.domain.secret import Secret
from mmt_grpc.exchange.attempt_files import AttemptFiles
from mmt_grpc.exchange.attempt_records import Answer, Intent
from mmt_grpc.exchange.spool import Spool
from tests.crypto.material import renewal_keyring
from tests.support.durable_names import DurableNames
from tests.support.fakes_failure import RecordingLog

SEALING = RenewalRecordSealing(renewal_keyring=renewal_keyring(), randomness=SystemRandomness())
INTENT = Intent(
    attempt_id=bytes(16),
    shard=1,
    token_key=bytes(32),
    integration="coinbase",
    generation=1,
    connected_at=1,
    leased_at=1,
    grant_number=1,
)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> DurableNames:
    """What would stay from here on."""
    return DurableNames(monkeypatch)


def enter(path: Path) -> bytes:
    """Start a replica's supervisor and end it at once; return the replica's id."""
    state = StateDirectory.enter(path)
    os.close(state.lock)
    return state.owner


def open_spool(directory: Path, log: RecordingLog | None = None) -> Spool:
    return Spool(directory=directory, sealing=SEALING, failpoints=NoFailpoints(), log=log or RecordingLog())


def test_the_first_answer_stays_with_every_directory_above_it(names: DurableNames, tmp_path: Path) -> None:
    state = tmp_path / "var" / "mmt" / "replica"
    enter(state)
    open_spool(state / "spool")
    attempts = AttemptFiles(directory=state / "spool", sealing=SEALING, failpoints=NoFailpoints(), log=RecordingLog())
    attempts.intend(INTENT)
    attempts.answer(INTENT, Answer(Secret("access"), Secret("renewal"), 1, 3600.0, None))

    (record,) = (state / "spool").iterdir()
    assert names.would_stay(record, below=tmp_path)


def test_a_replica_is_told_its_id_when_it_would_stay(names: DurableNames, tmp_path: Path) -> None:
    enter(tmp_path / "var" / "replica")

    assert names.would_stay(tmp_path / "var" / "replica" / "lock", below=tmp_path)


def test_a_spool_makes_what_is_missing_above_it_to_stay(names: DurableNames, tmp_path: Path) -> None:
    open_spool(tmp_path / "a" / "b" / "spool")

    assert names.would_stay(tmp_path / "a" / "b" / "spool", below=tmp_path)


@pytest.mark.parametrize("made", ["var", "var/replica", "var/replica/spool"])
def test_what_a_death_left_between_making_and_keeping_it_is_kept_by_the_next_start(
    names: DurableNames, tmp_path: Path, made: str
) -> None:
    (tmp_path / made).mkdir(parents=True)

    enter(tmp_path / "var" / "replica")
    open_spool(tmp_path / "var" / "replica" / "spool")

    # Who died had made them one by one, and kept each before the next.
    assert names.would_stay(tmp_path / made, below=(tmp_path / made).parent)
    assert names.would_stay(tmp_path / "var" / "replica" / "spool", below=(tmp_path / made).parent)


def test_only_the_last_directory_is_closed_to_others(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    enter(tmp_path / "var" / "replica")
    os.umask(mask)

    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "var", tmp_path / "var" / "replica")]
    assert modes == [0o755, 0o700]


@pytest.mark.parametrize("refused", ["var", "var/replica", "var/replica/lock"])
def test_a_disk_that_does_not_keep_the_state_directory_is_named_in_one_line(
    names: DurableNames, tmp_path: Path, capsys: pytest.CaptureFixture[str], refused: str
) -> None:
    names.fails_on = tmp_path / refused
    with pytest.raises(SystemExit) as ended, told():
        enter(tmp_path / "var" / "replica")

    assert ended.value.code == 1
    assert capsys.readouterr().err == f"mmt: {tmp_path / refused}: Input/output error\n"
    names.fails_on = None
    os.close(StateDirectory.enter(tmp_path / "var" / "replica", patience=0.0).lock)


def test_a_disk_that_does_not_keep_the_spool_is_logged_and_nothing_begins(names: DurableNames, tmp_path: Path) -> None:
    log = RecordingLog()
    names.fails_on = tmp_path

    with pytest.raises(StoreUnavailableError):
        open_spool(tmp_path / "spool", log)

    assert log.events == [("error", "spool_disk_failed", {"why": "EIO"})]


def test_a_directory_that_others_made_where_this_user_may_not_read_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "made").mkdir()
    opens = os.open

    def refuse(path: Path, flags: int, mode: int = 0o777) -> int:
        if path == tmp_path:
            raise PermissionError(13, os.strerror(13), str(path))
        return opens(path, flags, mode)

    monkeypatch.setattr(os, "open", refuse)
    enter(tmp_path / "made")
    with pytest.raises(PermissionError):
        enter(tmp_path / "new")

    assert not (tmp_path / "new").exists(), "what could not be kept is not made"
