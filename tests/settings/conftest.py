"""A configuration that is complete, for each test to spoil."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mmt_grpc.settings.load import Purpose, load
from mmt_grpc.settings.problems import SettingsError
from mmt_grpc.settings.settings import Settings
from mmt_grpc.settings.toml_writer import write_toml

Read = Callable[..., Settings]
Refused = Callable[..., list[str]]


def complete(tmp_path: Path) -> dict[str, object]:
    return {
        "listen": ["127.0.0.1:0"],
        "allow_plaintext": True,
        "state_dir": str(tmp_path / "state"),
        "database_url": "mysql://mmt:canary@db.example/mmt",
        "ledger_url": "mysql://mmt:canary@ledger.example/ledger",
        "keys": {"directory": str(tmp_path / "keys"), "root_key_file": str(tmp_path / "root.key")},
    }


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that reads the complete configuration with changes: by file (`toml`) and by environment."""

    def reading(
        toml: Mapping[str, object] | None = None,
        environ: Mapping[str, str] | None = None,
        *,
        purpose: Purpose = Purpose.SERVE,
        filesystem: str = "ext4",
        **more: dict[str, object],
    ) -> Settings:
        path = tmp_path / "mmt.toml"
        write_toml(path, complete(tmp_path) | dict(toml or {}))
        return load(path, environ or {}, purpose=purpose, filesystem_of=lambda _: filesystem, **more)

    return reading


@pytest.fixture
def refused(read: Read) -> Refused:
    """Return a function that expects the same to be refused, and returns the problems."""

    def refusal(*arguments: object, **options: object) -> list[str]:
        with pytest.raises(SettingsError) as caught:
            read(*arguments, **options)
        assert "canary" not in str(caught.value)
        assert "canary" not in repr(caught.value)
        return caught.value.problems

    return refusal
