"""Named points between durable steps where a test may make the process fail; absent unless switched on."""

from typing import Protocol


class Failpoints(Protocol):
    """What happens at a named point."""

    def reach(self, name: str) -> None:
        """Do what is set for the point: nothing, raise, sleep, or kill the process."""
        ...


class NoFailpoints:
    """Nothing ever happens: the production wiring."""

    def reach(self, name: str) -> None:
        """Go on."""
