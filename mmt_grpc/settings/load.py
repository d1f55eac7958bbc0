"""Reading the settings: collect every problem first, then refuse or return."""

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from mmt_grpc.settings import rules, sources
from mmt_grpc.settings.filesystem import filesystem_type
from mmt_grpc.settings.problems import Problem, SettingsError
from mmt_grpc.settings.provider_reading import read_providers
from mmt_grpc.settings.sentences import UNKNOWN, translate, wrong_paths
from mmt_grpc.settings.settings import Settings
from mmt_grpc.settings.sources import Tree
from mmt_grpc.settings.tables import SettingsTable

CONFIG_VARIABLE: Final = "MMT_CONFIG"


class Purpose(enum.Enum):
    """What the settings are read for."""

    SERVE = "serve"
    """The whole service: everything must be there."""
    ADMINISTER = "administer"
    """One command beside it: what only a server needs may be missing or point nowhere on this machine."""


def load(
    config_path: Path | None,
    environ: Mapping[str, str],
    *,
    defaults: Tree | None = None,
    overrides: Tree | None = None,
    purpose: Purpose = Purpose.SERVE,
    filesystem_of: Callable[[Path], str] = filesystem_type,
) -> Settings:
    """Read the settings: `defaults` below the file, the environment over it, `overrides` (the command line) on top.

    Without `config_path` the file is the one that `MMT_CONFIG` names, if any. Raises `SettingsError`, whose `problems`
    name everything that is wrong, missing or unknown, at once and without a value.
    """
    problems: list[Problem] = []
    below = _below(config_path, environ, defaults or {}, problems)
    tree = _merge(below, environ, overrides or {}, problems)
    provider_tables = tree.pop("providers", {})
    table, wrong = _read_table(tree, problems)
    providers = read_providers(provider_tables, dev=table.mode == "dev", problems=problems)
    found = rules.check(table, providers, serving=purpose is Purpose.SERVE, filesystem_of=filesystem_of)
    # A rule that stumbles over a setting that is wrong already would only say so twice.
    problems += [problem for problem in found if problem.name not in wrong]
    unread = {problem.name.removesuffix("_file") for problem in problems if problem.name.endswith("_file")}
    problems = [problem for problem in problems if problem.name not in unread]
    if problems:
        variables = sources.variables_of(environ, below)
        raise SettingsError(given for problem in problems for given in _as_given(problem, variables, below))
    return Settings(table=table, providers=providers)


def _below(config_path: Path | None, environ: Mapping[str, str], defaults: Tree, problems: list[Problem]) -> Tree:
    """Return what the environment is laid over."""
    named = environ.get(CONFIG_VARIABLE)
    file = sources.read_file(config_path or (Path(named) if named else None), problems)
    return sources.overlay(sources.open_secret_files(defaults, problems), sources.open_secret_files(file, problems))


def _merge(below: Tree, environ: Mapping[str, str], overrides: Tree, problems: list[Problem]) -> Tree:
    environment = sources.read_environment(environ, below, problems)
    above = sources.overlay(
        sources.open_secret_files(environment, problems), sources.open_secret_files(overrides, problems)
    )
    return sources.overlay(below, above)


def _as_given(problem: Problem, variables: Mapping[str, str], below: Tree) -> Iterable[Problem]:
    """Return a problem by the names that its setting was given by: of an unknown one, the variable is all there is."""
    named = [name for name in variables if f"{name}.".startswith(f"{problem.name}.")]
    if not named or not problem.text.startswith(UNKNOWN):
        return [problem]
    given = [Problem(variables[name], problem.text) for name in named]
    return [problem, *given] if _holds(below, problem.name.split(".")) else given


def _holds(tree: Tree, path: Sequence[str]) -> bool:
    inner = tree.get(path[0])
    if len(path) == 1 or not isinstance(inner, dict):
        return path[0] in tree
    return _holds(inner, path[1:])


def _read_table(tree: Tree, problems: list[Problem]) -> tuple[SettingsTable, set[str]]:
    """Return the table, and the names in it that are wrong and stand at their defaults for the further checks."""
    try:
        return SettingsTable.model_validate(tree), set()
    except ValidationError as error:
        found = translate(error, SettingsTable)
        paths = wrong_paths(error)
    problems += found
    return SettingsTable.model_validate(_without(tree, paths)), {problem.name for problem in found}


def _without(tree: Tree, paths: Iterable[tuple[str, ...]]) -> Tree:
    heads = {path[0] for path in paths if len(path) == 1}
    kept: Tree = {}
    for name, value in tree.items():
        if name in heads:
            continue
        inner = [path[1:] for path in paths if path[0] == name and len(path) > 1]
        kept[name] = _without(value, inner) if inner and isinstance(value, dict) else value
    return kept
