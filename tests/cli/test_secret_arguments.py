"""Where a secret of the command line may come from."""

import getpass
import os
import sys
from pathlib import Path

import click
import pytest

from mmt_grpc.cli.parameters import SECRET
from mmt_grpc.domain.secret import Secret
from tests.cli.running import run
from tests.support.dev import RunningDev


def converted(text: str) -> Secret:
    return SECRET.convert(text, None, None)


@pytest.mark.parametrize("text", ["plain", "with: a colon", "https://x", "--", "text", "ümlaut"])
def test_a_text_stands_for_itself(text: str) -> None:
    assert converted(text) == Secret(text)


@pytest.mark.parametrize("text", ["-", "env:HOME", "file:/etc/hostname", "text:x"])
def test_a_text_that_looks_like_a_place_can_still_be_given(text: str) -> None:
    assert converted(f"text:{text}") == Secret(text)


def test_a_secret_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERE_IT_IS", " as it is ")
    assert converted("env:WHERE_IT_IS") == Secret(" as it is ")


@pytest.mark.parametrize("content", ["a secret", "a secret\n", "a secret\r\n"])
def test_a_secret_comes_from_a_file_without_its_line_break(tmp_path: Path, content: str) -> None:
    (tmp_path / "secret").write_bytes(content.encode())
    assert converted(f"file:{tmp_path / 'secret'}") == Secret("a secret")


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"], ids=["empty", "a line break", "no text"])
def test_a_file_without_a_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(click.BadParameter):
        converted(f"file:{tmp_path / 'secret'}")


def test_a_terminal_is_asked_without_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(getpass, "getpass", lambda prompt: f"typed at {prompt}")
    assert converted("-") == Secret("typed at secret: ")


def test_lines_of_standard_input_go_to_the_options_in_their_order(shared_dev: RunningDev) -> None:
    made = shared_dev.control("authorizations", {"integration": "coinbase", "account": "stdin", "scope": "read"})
    result = run(
        "token", "connect", "--integration", "coinbase", "--end-user-id", f"stdin-{os.getpid()}", "--scope", "read",
        "--code-verifier", "-", "--code", "-", "--api-key", "-",
        "--redirect-uri", made["redirect_uri"], "--address", shared_dev.address,
        stdin=f"{made['code_verifier']}\n{made['code']}\n{shared_dev.api_keys['read']}\n",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
