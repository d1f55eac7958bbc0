"""Everything that is wrong with the settings, told at once, by name and never by value."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One setting that is wrong: its dotted name and a fixed sentence about it."""

    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


class SettingsError(Exception):
    """The settings cannot be used; `problems` names every one that is wrong, missing or unknown."""

    def __init__(self, found: Iterable[Problem]) -> None:
        self.problems: list[str] = [str(problem) for problem in sorted(set(found))]
        super().__init__("\n".join(self.problems))


def dotted(path: Sequence[str | int]) -> str:
    """Return a setting's dotted name."""
    return ".".join(str(part) for part in path)
