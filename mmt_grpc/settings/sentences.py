"""Pydantic's findings as fixed sentences: which setting, what it must be, never what it was."""

import difflib
from collections.abc import Collection, Sequence
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mmt_grpc.settings.problems import Problem, dotted

UNKNOWN: Final = "is no setting"
_SENTENCES: Final = {
    "missing": "is missing",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "path_type": "must be a path",
    "tuple_type": "must be a list",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "dict_type": "must be a table",
    "too_short": "must not be empty",
}
_BOUNDS: Final = {
    "greater_than": ("gt", "must be more than"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be less than"),
    "less_than_equal": ("le", "must be at most"),
}


def translate(error: ValidationError, model: type[BaseModel], prefix: Sequence[str] = ()) -> list[Problem]:
    """Return what pydantic found as problems, their names under `prefix`."""
    details = error.errors(include_url=False, include_context=True, include_input=False)
    return [Problem(dotted((*prefix, *_name(detail))), _sentence(detail, model)) for detail in details]


def wrong_paths(error: ValidationError) -> list[tuple[str, ...]]:
    """Return the paths of the settings that are wrong."""
    return [_name(detail) for detail in error.errors(include_url=False, include_input=False)]


def _name(detail: ErrorDetails) -> tuple[str, ...]:
    """Return the setting's own path: an item of a list is named by its list."""
    return tuple(str(part) for part in detail["loc"] if not isinstance(part, int))


def _sentence(detail: ErrorDetails, model: type[BaseModel]) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return unknown(str(detail["loc"][-1]), _fields(model, detail["loc"][:-1]))
    if kind == "setting":
        # Raised by this package itself, with a sentence of its own.
        return detail["msg"]
    if kind == "literal_error":
        return f"must be one of {context['expected']}"
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"{words} {context[name]:g}"
    return _SENTENCES.get(kind, "is not of the right kind")


def _fields(model: type[BaseModel], path: Sequence[int | str]) -> Collection[str]:
    for part in path:
        field = model.model_fields.get(str(part))
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return ()
        model = field.annotation
    return model.model_fields


def unknown(name: str, known: Collection[str]) -> str:
    """Return the sentence about an unknown name, with the closest of the known ones if one is close."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"{UNKNOWN}; is `{close[0]}` meant?" if close else UNKNOWN
