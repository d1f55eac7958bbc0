"""Reads the expressions of alerts: which labels a result has, and whether what is compared or divided can ever match.

As much of PromQL as the documented alerts need; what goes beyond that is refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

TOKEN: Final = re.compile(r'\s*("[^"]*"|\d[\d.]*[smhd]?|[a-zA-Z_:][\w:]*|[=!<>]=|!~|=~|.)')
OPERATORS: Final = ({"and", "or", "unless"}, {"==", "!=", ">", "<", ">=", "<="}, {"+", "-"}, {"*", "/"})
"""From those that bind least."""
AGGREGATIONS: Final = {"sum", "max", "min", "count"}
RATES: Final = {"increase", "rate"}


class CannotFireError(Exception):
    """An expression that names what is not there, or whose sides never match."""


@dataclass(frozen=True)
class Vector:
    """Series by the names of their labels, and those that have but one value."""

    labels: frozenset[str]
    fixed: Mapping[str, str] = field(default_factory=dict)

    def only(self, kept: frozenset[str]) -> "Vector":
        """Return what an aggregation leaves."""
        if not kept <= self.labels:
            raise CannotFireError(f"no label {sorted(kept - self.labels)}")
        return Vector(kept, {name: value for name, value in self.fixed.items() if name in kept})


Side = Vector | None
"""Series, or None for a number."""


@dataclass
class Reader:
    """Reads one expression; `metrics` names the values that each label of each series may have, None for any."""

    metrics: Mapping[str, Mapping[str, frozenset[str] | None]]
    text: str

    def __post_init__(self) -> None:
        self._tokens: list[str] = [*TOKEN.findall(self.text.strip()), ""]

    def read(self) -> Side:
        """Return what an expression results in; raises `CannotFireError`."""
        side = self._operation(0)
        if self._tokens != [""]:
            raise CannotFireError(f"cannot read {self._tokens}")
        return side

    def _take(self, *expected: str) -> str:
        if expected and self._tokens[0] not in expected:
            raise CannotFireError(f"{self._tokens[0]!r} instead of {expected}")
        return self._tokens.pop(0)

    def _operation(self, level: int) -> Side:
        if level == len(OPERATORS):
            return self._operand()
        side = self._operation(level + 1)
        while self._tokens[0] in OPERATORS[level]:
            self._take()
            side = matched(side, self._operation(level + 1))
        return side

    def _operand(self) -> Side:
        word = self._take()
        if word[:1].isdigit():
            return None
        if word == "(":
            side = self._operation(0)
            self._take(")")
            return side
        if word in AGGREGATIONS:
            self._take("by")
            kept = frozenset(self._list())
            return self._vector().only(kept)
        if word in RATES:
            return self._vector()
        if word == "time":
            self._take("("), self._take(")")
            return None
        return self._quantile() if word == "histogram_quantile" else self._series(word)

    def _vector(self) -> Vector:
        self._take("(")
        side = self._operation(0)
        self._take(")")
        if side is None:
            raise CannotFireError("a number where series are needed")
        return side

    def _quantile(self) -> Vector:
        self._take("("), self._operation(0), self._take(",")
        self._tokens.insert(0, "(")
        side = self._vector()
        return side.only(side.only(frozenset({"le"})).labels ^ side.labels)

    def _series(self, name: str) -> Vector:
        if name not in self.metrics:
            raise CannotFireError(f"no series {name!r}")
        values = self.metrics[name]
        series = Vector(frozenset(values))
        if self._tokens[0] == "{":
            while self._take("{", ",", "}") != "}" and self._tokens[0] != "}":
                series = self._selected(series, values)
        if self._tokens[0] == "[":
            self._take(), self._take(), self._take("]")
        return series

    def _selected(self, series: Vector, values: Mapping[str, frozenset[str] | None]) -> Vector:
        label, operator, value = self._take(), self._take("=", "!="), self._take().strip('"')
        if label not in values:
            raise CannotFireError(f"no label {label!r}")
        known = values[label]
        if known is not None and value not in known:
            raise CannotFireError(f"{label} is never {value!r}")
        return replace(series, fixed={**series.fixed, label: value}) if operator == "=" else series

    def _list(self) -> list[str]:
        names = list[str]()
        while self._take("(", ",", ")") != ")" and self._tokens[0] != ")":
            names.append(self._take())
        return names


def matched(left: Side, right: Side) -> Side:
    """Return what two sides of an operator result in: series match where all of their labels are equal."""
    if left is None or right is None:
        return left or right
    if left.labels != right.labels:
        raise CannotFireError(f"{sorted(left.labels)} never match {sorted(right.labels)}")
    for label in left.fixed.keys() & right.fixed.keys():
        if left.fixed[label] != right.fixed[label]:
            raise CannotFireError(f"{label} is {left.fixed[label]!r} here and {right.fixed[label]!r} there")
    return Vector(left.labels, {**left.fixed, **right.fixed})
