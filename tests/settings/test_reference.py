"""The documentation of the settings is what the settings are."""

import re
import tomllib
from pathlib import Path

import pytest

from mmt_grpc.settings.load import load
from mmt_grpc.settings.toml_writer import write_toml
from tests.settings.reference import reference
from tests.support.tree import ROOT

TEXT = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")


def test_the_documentation_is_what_the_tables_say() -> None:
    expected = "\n".join(reference()).strip()

    assert expected in TEXT, f"docs/configuration.md should contain:\n{expected}"


@pytest.mark.parametrize("block", [part.partition("```")[0] for part in TEXT.split("```toml\n")[1:]])
def test_every_example_is_accepted(block: str, tmp_path: Path) -> None:
    for name in ("mmt-database-url", "mmt-ledger-url", "coinbase-client-secret", "tls.pem", "tls.key"):
        (tmp_path / name).write_text(f"mysql://user:password@host/{name}\n", encoding="utf-8")
    example = tomllib.loads(re.sub(r"/(run/secrets|etc/mmt)/", f"{tmp_path}/", block))
    complete = {
        "allow_plaintext": True,
        "state_dir": "/var/lib/mmt",
        "database_url": "mysql://user:password@host/mmt",
        "ledger_url": "mysql://user:password@host/ledger",
        "keys": {"directory": "/k", "root_key_file": "/r"},
    }

    path = tmp_path / "mmt.toml"
    write_toml(path, example)
    settings = load(path, {}, defaults=complete, filesystem_of=lambda _: "ext4")

    assert set(settings.providers) - {"binance"} == set(example["providers"])
