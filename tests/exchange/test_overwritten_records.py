"""A record that was overwritten and not removed stands for nothing: not at the next start, not for who drains."""

from pathlib import Path

import pytest

from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.records import RenewalRecordSealing
from mmt_grpc.exchange.spool import Spool
from tests.crypto.material import renewal_keyring
from tests.support.fakes_failure import ArmedFailpoints, CrashError, RecordingLog

KEY = bytes(range(32))


@pytest.fixture
def points() -> ArmedFailpoints:
    return ArmedFailpoints()


@pytest.fixture
def spool(tmp_path: Path, points: ArmedFailpoints) -> Spool:
    """A spool with a record that a death has kept from being removed."""
    sealing = RenewalRecordSealing(renewal_keyring=renewal_keyring(), randomness=SystemRandomness())
    spool = Spool(directory=tmp_path / "spool", sealing=sealing, failpoints=points, log=RecordingLog())
    spool.put("grant", KEY, b"content")
    points.arm("record.before_unlink")
    with pytest.raises(CrashError):
        spool.scrub("grant", KEY)
    assert [path.read_bytes().strip(b"\0") for path in (tmp_path / "spool").iterdir()] == [b""]
    return spool


def test_it_is_no_record_and_is_removed_when_it_is_read(spool: Spool, tmp_path: Path) -> None:
    assert spool.get("grant", KEY) is None
    assert list((tmp_path / "spool").iterdir()) == []


def test_what_takes_its_place_meanwhile_is_not_removed(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    read, replaced = Path.read_bytes, list[None]()

    def read_and_replace(path: Path) -> bytes:
        content = read(path)
        if not replaced:
            replaced.append(None)
            spool.put("grant", KEY, b"newer")
        return content

    monkeypatch.setattr(Path, "read_bytes", read_and_replace)

    assert spool.get("grant", KEY) is None
    assert spool.get("grant", KEY) == b"newer"
