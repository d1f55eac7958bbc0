"""The committed stubs are exactly what the generator makes of the protos."""

import importlib
from pathlib import Path

import pytest

from tests.support.tree import ROOT, run


def contents(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


@pytest.mark.timeout(600)  # the first run makes the generator's environment
def test_the_committed_stubs_are_what_the_protos_generate(tmp_path: Path) -> None:
    made = tmp_path / "generated"

    done = run(ROOT / "deploy/generate/generate.sh", str(made))

    assert done.returncode == 0, done.stdout
    committed, fresh = contents(ROOT / "generated"), contents(made)
    different = {name for name in committed | fresh if committed.get(name) != fresh.get(name)}
    assert not different, f"`make generate` would change {sorted(different)}"


@pytest.mark.parametrize("path", sorted((ROOT / "generated").rglob("*_pb2*.py")), ids=lambda path: path.stem)
def test_the_stubs_import_under_the_names_of_their_protos(path: Path) -> None:
    name = ".".join(path.relative_to(ROOT / "generated").with_suffix("").parts)

    module = importlib.import_module(name)

    assert Path(str(module.__file__)).is_relative_to(ROOT / "generated")


def test_the_stubs_accept_runtimes_a_year_old() -> None:
    messages = (ROOT / "generated/mmt/v1/token_service_pb2.py").read_text(encoding="utf-8")
    service = (ROOT / "generated/mmt/v1/token_service_pb2_grpc.py").read_text(encoding="utf-8")

    assert "# Protobuf Python Version: 6.31.1" in messages
    assert "GRPC_GENERATED_VERSION = '1.80.0'" in service
