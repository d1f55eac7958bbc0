"""The lives of a state directory: those that ran there are over, those of a copy may go on elsewhere."""

import shutil
from pathlib import Path

import pytest

from mmt_grpc.app.lives import MOST, Lives


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory."""
    directory = tmp_path / "state"
    directory.mkdir()
    (directory / "lock").write_bytes(bytes(16))
    return directory


def test_the_lives_before_are_over(state: Path) -> None:
    assert Lives(state).begin(b"1") == frozenset()
    assert Lives(state).begin(b"2") == {b"1"}
    assert Lives(state).begin(b"3") == {b"1", b"2"}


def test_those_of_a_directory_that_was_copied_may_live(state: Path, tmp_path: Path) -> None:
    Lives(state).begin(b"1")
    shutil.copytree(state, tmp_path / "copy")

    assert Lives(tmp_path / "copy").begin(b"2") == frozenset()
    assert Lives(tmp_path / "copy").begin(b"3") == {b"2"}


@pytest.mark.parametrize("content", ["", "torn", "another boot 1 2\n31", "\n\n"])
def test_a_file_that_says_nothing_of_here_is_begun_anew(state: Path, content: str) -> None:
    (state / "lives").write_text(content)

    assert Lives(state).begin(b"1") == frozenset()
    assert Lives(state).begin(b"2") == {b"1"}


def test_it_does_not_grow_for_ever(state: Path) -> None:
    for number in range(2 * MOST):
        Lives(state).begin(number.to_bytes(2))

    assert len(Lives(state).begin(b"last")) == MOST
