"""The integrations: the known exchanges' defaults, and what the settings say over them."""

import re
from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError

from mmt_grpc.providers.defaults import DEFAULTS
from mmt_grpc.providers.options import ProviderOptions
from mmt_grpc.providers.options import problems as flaws
from mmt_grpc.settings.problems import Problem, dotted
from mmt_grpc.settings.provider_tables import CommonTable, LoginTable, OAuthTable
from mmt_grpc.settings.sentences import translate

LOGIN: Final = frozenset({"binance"})
"""Names that are no OAuth integrations."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_CREDENTIALS: Final = ("client_id", "client_secret")


def read_providers(tables: object, *, dev: bool, problems: list[Problem]) -> Mapping[str, ProviderOptions]:
    """Return the options of every integration that is configured, adding what is wrong to `problems`.

    A known exchange that needs no credentials of its own is configured without a word; any other by its table.
    """
    if not isinstance(tables, dict):
        problems.append(Problem("providers", "must be a table of tables"))
        return {}
    read: dict[str, ProviderOptions] = {}
    for name in sorted({*tables, *LOGIN}):
        options = _read(name, tables.get(name, {}), dev=dev, problems=problems)
        if options is not None:
            read[name] = options
    return read


def _read(name: str, given: object, *, dev: bool, problems: list[Problem]) -> ProviderOptions | None:
    path = ("providers", name)
    if not _NAME.fullmatch(name):
        problems.append(Problem(dotted(path), "is no name: a lower-case letter, then letters, digits, `_` and `-`"))
        return None
    if not isinstance(given, dict):
        problems.append(Problem(dotted(path), "must be a table"))
        return None
    model: type[CommonTable] = LoginTable if name in LOGIN else OAuthTable
    try:
        table = model.model_validate({**DEFAULTS.get(name, {}), **given})
    except ValidationError as error:
        if _is_off(given):
            return None
        problems += translate(error, model, path)
        return None
    if not table.enabled:
        return None
    options = table.options(dev=dev)
    problems += [Problem(dotted((*path, field)), text) for field, text in flaws(options)]
    return options


def _is_off(given: Mapping[str, object]) -> bool:
    return str(given.get("enabled")).lower() in {"false", "0", "no", "off"}
