"""The README's blocks are run as they stand, in their order, as a newcomer would."""

import os
import re
import shlex
import signal
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mmt_grpc.providers.options import OAuthOptions
from mmt_grpc.settings.load import load
from tests.support.certificates import Authority
from tests.support.tree import BIN, ROOT
from tests.support.waiting import until

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    language: str
    text: str


BLOCKS = [Block(*match.groups()) for match in BLOCK.finditer(README)]


def blocks(language: str, containing: str = "") -> list[Block]:
    return [block for block in BLOCKS if block.language == language and containing in block.text]


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that looks like a clone, in which the README's own `mmt dev` runs, on a free port."""
    folder = tmp_path_factory.mktemp("readme")
    for name in (".venv", "build"):
        (folder / name).symlink_to(ROOT / name)
    (command,) = (block.text.strip() for block in blocks("sh", "mmt dev"))
    words = [word.replace("127.0.0.1:50051", "127.0.0.1:0") for word in shlex.split(command)]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log, env=environment())
    try:
        until((folder / "ready.json").exists, "mmt dev serves")
        yield folder
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        log.close()
    assert process.returncode == 0


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MMT_")}
    return kept | {"PATH": f"{BIN}:{os.environ['PATH']}"} | more


def shell(script: str, folder: Path, **more: str) -> str:
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_two_commands_are_targets_of_make() -> None:
    (block,) = blocks("sh", "make demo")
    for line in block.text.strip().splitlines():
        command, target = line.split()
        assert command == "make"
        subprocess.run(["/usr/bin/make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


def test_the_examples_of_calls_work_as_they_stand(newcomer: Path) -> None:
    calls = [block.text for block in blocks("sh") if "make demo" not in block.text and "mmt dev" not in block.text]
    script = "\n".join(text for text in calls if "keys init" not in text)
    said = shell(script, newcomer)
    assert "bearerToken" in said
    assert '"allowed": true' in said or '"allowed":true' in said


def test_the_python_example_works_as_it_stands(newcomer: Path) -> None:
    (variables,) = (block.text for block in blocks("sh", "export MMT_ADDRESS"))
    (example,) = blocks("python")
    said = shell(f"{variables}\npython - <<'EXAMPLE'\n{example.text}\nEXAMPLE", newcomer)
    assert said.strip() == "SCOPE_MISMATCH [('granted_scope', 'SCOPE_READ'), ('required_scope', 'SCOPE_WRITE')]"


def test_the_integration_of_your_own_is_a_table_that_the_settings_accept(tmp_path: Path) -> None:
    (block,) = blocks("toml")
    table = tomllib.loads(block.text)["providers"]["acme"]
    secret = tmp_path / "secret"
    secret.write_text("s3cret", encoding="utf-8")
    config = tmp_path / "mmt.toml"
    config.write_text(production(tmp_path) + block.text.replace(table["client_secret_file"], str(secret)))

    acme = load(config, {}, filesystem_of=lambda _: "ext4").providers["acme"]

    assert isinstance(acme, OAuthOptions)
    assert acme.client_secret.reveal() == "s3cret"
    del table["client_secret_file"]
    read = {name: getattr(acme, name) for name in table}
    assert read == {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}


@pytest.fixture
def disk() -> Iterator[Path]:
    """A folder that is not in memory, as production wants its state directory: /tmp may be."""
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build, prefix="test-") as folder:
        yield Path(folder)


def test_an_installation_is_made_and_served_as_it_says(disk: Path) -> None:
    (block,) = blocks("sh", "keys init")
    (disk / "mmt.toml").write_text(production(disk), encoding="utf-8")
    lines = block.text.replace(
        "mmt.toml serve",
        "mmt.toml serve --ready-file ready.json & server=$!; until [ -e ready.json ]; do sleep 0.1; done",
    )
    said = shell(f"{lines}\nkill -TERM $server; wait $server", disk)
    assert "mmt_" in said


def production(folder: Path) -> str:
    """The smallest settings of a production installation in a folder, on SQLite."""
    Authority(folder=folder).server("localhost")
    certificate = folder / "localhost.pem"
    return f"""
        mode = "production"
        listen = ["127.0.0.1:0"]
        tls_certificate = "{certificate}"
        tls_key = "{certificate}"
        state_dir = "{folder / "state"}"
        database_url = "sqlite:///{folder / "mmt.db"}"
        ledger_url = "sqlite:///{folder / "ledger.db"}"
        [keys]
        directory = "{folder / "keys"}"
        root_key_file = "{folder / "root.key"}"
    """
