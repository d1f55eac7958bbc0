"""Whatever stands in the environment or the file: settings, or a refusal that does not repeat it."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mmt_grpc.settings.load import load
from mmt_grpc.settings.problems import SettingsError
from mmt_grpc.settings.provider_tables import LoginTable, OAuthTable
from mmt_grpc.settings.settings import Settings
from mmt_grpc.settings.tables import SettingsTable, Table
from tests.settings.conftest import complete

CANARY = "q7canary"


def names(model: type[Table]) -> list[tuple[str, ...]]:
    """Return the paths of all settings of a table."""
    found: list[tuple[str, ...]] = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        inner = names(kind) if isinstance(kind, type) and issubclass(kind, Table) else []
        found += [(name, *path) for path in inner] or [(name,)]
    return found


PATHS = [
    *names(SettingsTable),
    *(("providers", "acme", *path) for path in names(OAuthTable)),
    *(("providers", "binance", *path) for path in names(LoginTable)),
    ("database_url_file",),
    ("providers", "acme", "client_secret_file"),
    ("providers",),
    ("providers", "acme"),
    ("log",),
]
TEXTS = st.sampled_from(
    ["{}", "{}://{}", "mysql://{}:{}@{}:{}/{}?{}={}", "mysql://h/x?{}={}", "sqlite:///{}", "[{}]:{}", "{}:1", "/{}"]
).map(lambda shape: shape.replace("{}", CANARY)) | st.text(st.characters(exclude_characters="\0")).map(
    lambda text: CANARY + text
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    TEXTS | st.integers() | st.floats() | st.booleans() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.just("some"), inner),
    max_leaves=4,
)


def attempt(environ: dict[str, str], overrides: dict[str, object]) -> Settings | SettingsError:
    with tempfile.TemporaryDirectory() as directory:
        below = complete(Path(directory)) | {"ledger_url": f"mysql://h/{CANARY}"}
        try:
            return load(None, environ, defaults=below, overrides=overrides, filesystem_of=lambda _: "ext4")
        except SettingsError as error:
            return error


def is_settings_or_a_discreet_refusal(answer: Settings | SettingsError) -> bool:
    if isinstance(answer, Settings):
        return True
    has_no_cause = answer.__cause__ is None and answer.__context__ is None
    return bool(answer.problems) and CANARY not in str(answer) and has_no_cause


@given(st.dictionaries(st.sampled_from(PATHS), TEXTS, max_size=5))
def test_any_environment(variables: dict[tuple[str, ...], str]) -> None:
    environ = {"MMT_" + "__".join(path).upper(): value for path, value in variables.items()}

    assert is_settings_or_a_discreet_refusal(attempt(environ, {}))


@given(st.dictionaries(st.sampled_from(PATHS), VALUES, max_size=5))
def test_any_file(values: dict[tuple[str, ...], object]) -> None:
    tree: dict[str, Any] = {}
    for path, value in sorted(values.items(), key=lambda item: item[0]):
        table = tree
        for part in path[:-1]:
            inner = table.setdefault(part, {})
            table = inner if isinstance(inner, dict) else {}
        table[path[-1]] = value

    assert is_settings_or_a_discreet_refusal(attempt({}, tree))
