"""One replica at a time in a state directory."""

import os
from pathlib import Path

import pytest

from mmt_grpc.app.state_directory import LockedError, StateDirectory


def test_a_directory_that_is_free_is_not_waited_for(tmp_path: Path) -> None:
    waited: list[Path] = []
    os.close(StateDirectory.enter(tmp_path, on_wait=waited.append).lock)
    assert waited == []


def test_who_waits_for_another_replica_is_told_once(tmp_path: Path) -> None:
    waited: list[Path] = []
    first = StateDirectory.enter(tmp_path)
    with pytest.raises(LockedError, match="another replica runs on"):
        StateDirectory.enter(tmp_path, patience=0.3, on_wait=waited.append)
    os.close(first.lock)
    assert waited == [tmp_path]


def test_a_replica_keeps_its_name_over_restarts(tmp_path: Path) -> None:
    owners = []
    for _ in range(2):
        state = StateDirectory.enter(tmp_path)
        owners.append(state.owner)
        os.close(state.lock)
    assert owners[0] == owners[1]
