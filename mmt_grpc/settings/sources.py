"""Where settings come from: the TOML file, the environment, files that hold secrets; laid over each other."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from mmt_grpc.settings.problems import Problem, dotted

PREFIX: Final = "MMT_"
NOT_SETTINGS: Final = re.compile(
    # Where the settings are and what the command line's client uses; the product's own tests; and what Kubernetes puts
    # into every container beside a Service that is called `mmt`.
    r"MMT_(CONFIG|FAILPOINTS|ADDRESS|API_KEY|TEST_.*|SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_.*)?)"
)
_SECRETS: Final = (("database_url",), ("ledger_url",), ("providers", "*", "client_secret"))
_FILE: Final = "_file"
_MAX_SECRET: Final = 64 * 1024

Tree = dict[str, object]
"""Settings as TOML has them: tables in tables."""


def read_file(path: Path | None, problems: list[Problem]) -> Tree:
    """Read the TOML file, if there is one."""
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        problems.append(Problem("config", "the file cannot be read"))
    except UnicodeDecodeError:
        problems.append(Problem("config", "the file is not UTF-8"))
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line \d+, column \d+", str(error))
        problems.append(Problem("config", f"the file is not TOML{f' ({place[0]})' if place else ''}"))
    return {}


def read_environment(environ: Mapping[str, str], below: Tree, problems: list[Problem]) -> Tree:
    """Return the settings that the environment holds; `below` lends its names where a `-` cannot be written."""
    tree: Tree = {}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or NOT_SETTINGS.fullmatch(variable):
            continue
        path = _path(variable, below)
        if not all(path):
            problems.append(Problem(variable, "names no setting"))
            continue
        if not _is_unicode(environ[variable]):
            problems.append(Problem(variable, "is not UTF-8"))
            continue
        table = tree
        for part in path[:-1]:
            inner = table.setdefault(part, {})
            table = inner if isinstance(inner, dict) else {}
        table[path[-1]] = environ[variable]
    return tree


def variables_of(environ: Mapping[str, str], below: Tree) -> Mapping[str, str]:
    """Return which variable gives which setting, by the setting's dotted name; `below` as for `read_environment`."""
    return {
        dotted(_path(variable, below)): variable
        for variable in sorted(environ)
        if variable.startswith(PREFIX) and not NOT_SETTINGS.fullmatch(variable)
    }


def _is_unicode(text: str) -> bool:
    """Whether a variable was UTF-8; Python lends bytes that were not a place among the surrogates."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _path(variable: str, below: Tree) -> list[str]:
    """Return a variable's path; `_` in a provider's name stands for the `-` of one that the file names."""
    path = variable[len(PREFIX) :].lower().split("__")
    known = below.get("providers")
    if path[0] == "providers" and len(path) > 1 and isinstance(known, dict) and path[1] not in known:
        path[1] = next((name for name in known if name.replace("-", "_") == path[1]), path[1])
    return path


def open_secret_files(tree: Tree, problems: list[Problem]) -> Tree:
    """Return one source's settings with each `…_file` of a secret replaced by what the file holds."""
    opened = _copied(tree)
    for pattern in _SECRETS:
        for path, table in list(_tables(opened, pattern[:-1])):
            _open_secret(table, (*path, pattern[-1]), problems)
    return opened


def _open_secret(table: Tree, path: tuple[str, ...], problems: list[Problem]) -> None:
    name = path[-1]
    if name + _FILE not in table:
        return
    file = table.pop(name + _FILE)
    place = dotted(path) + _FILE
    if name in table:
        problems.append(Problem(place, "stands beside the secret itself"))
        return
    try:
        with Path(str(file)).expanduser().open(encoding="utf-8") as handle:
            table[name] = handle.read(_MAX_SECRET).rstrip("\r\n")
    except (OSError, ValueError):
        problems.append(Problem(place, "the file cannot be read"))
        # So that the secret does not count as missing too.
        table[name] = ""


def _tables(tree: Tree, pattern: tuple[str, ...]) -> Iterable[tuple[tuple[str, ...], Tree]]:
    if not pattern:
        yield (), tree
        return
    for name in list(tree) if pattern[0] == "*" else [pattern[0]]:
        inner = tree.get(name)
        if isinstance(inner, dict):
            yield from (((name, *path), table) for path, table in _tables(inner, pattern[1:]))


def overlay(below: Tree, above: Tree) -> Tree:
    """Return `below` with `above` laid over it, table by table."""
    merged = _copied(below)
    for name, value in above.items():
        # A secret and the file that holds it are one setting: whichever is given above is the one.
        merged.pop(name.removesuffix(_FILE) if name.endswith(_FILE) else name + _FILE, None)
        under = merged.get(name)
        merged[name] = overlay(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


def _copied(tree: Tree) -> Tree:
    return {name: _copied(value) if isinstance(value, dict) else value for name, value in tree.items()}
