"""A fleet: several replicas of one installation on one MariaDB, each behind a notary's door of its own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.campaign.exchange import PATHS, Exchange, sandbox_exchange
from tests.campaign.member import Member
from tests.campaign.notary import Notary
from tests.support.database_server import Database
from tests.support.dev import RunningDev, remove_sockets, running_dev
from tests.support.service import command

INTEGRATION = "coinbase"
RESTART_PAUSE = "0.1"
"""Seconds: a campaign's processes are killed again and again, and their supervisors need not wait for better days."""


@dataclass
class Fleet:
    """Running replicas; the first is `mmt dev` itself, which brings keys, client and sandbox."""

    dev: RunningDev
    database: Database
    notary: Notary
    exchange: Exchange
    folder: Path
    members: list[Member]
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def api_key(self) -> str:
        return self.dev.api_keys["write"]

    @property
    def servers(self) -> Sequence[Member]:
        """The replicas whose supervisors may be killed: all but dev, whose supervisor keeps the sandbox."""
        return self.members[1:]

    @property
    def addresses(self) -> list[str]:
        """Where callers may go now."""
        return [member.address for member in list(self.members)]

    def add(self, state_dir: Path | None = None, *, audit_path: Path | None = None) -> Member:
        """Start another replica, without waiting until it serves; by itself it has a directory for everything."""
        number, door = self.notary.open_door()
        token_url = f"MMT_PROVIDERS__{self.exchange.name.upper()}__TOKEN_URL"
        env = {**self.env, token_url: door + self.exchange.token_path}
        member = Member(
            number=number,
            state_dir=state_dir or self.folder / f"replica-{number}",
            config=self.dev.config,
            env=env | ({} if audit_path is None else {"MMT_AUDIT_PATH": str(audit_path)}),
        )
        member.launch()
        return member

    def mmt(self, *arguments: str) -> str:
        """Run a command on the installation and return what it prints."""
        return command("--config", str(self.dev.config), *arguments)

    def query(self, statement: str) -> Sequence[tuple[object, ...]]:
        """Ask the installation's database something."""
        name = self.dev.database_url.partition("?")[0].rpartition("/")[2]
        return self.database.administrate(f"USE {name}", statement)


@contextlib.contextmanager
def running_fleet(
    database: Database,
    folder: Path,
    *,
    replicas: int,
    workers: int = 1,
    exchange: Callable[[ExitStack], Exchange] | None = None,
) -> Iterator[Fleet]:
    """Run so many replicas until the block ends.

    `exchange` starts another exchange than the sandbox's Coinbase. Afterwards the replicas are killed: what a campaign
    measures is over by then.
    """
    with ExitStack() as stack:
        notary = stack.enter_context(Notary())
        number, door = notary.open_door()
        other = None if exchange is None else exchange(stack)
        own = {"MMT_WORKERS": str(workers), "MMT_RESTART_PAUSE": RESTART_PAUSE}
        env = {
            **own,
            "MMT_DATABASE_URL": database.fresh_database(),
            "MMT_LEDGER_URL": database.fresh_database(),
            **(_coinbase(door) if other is None else other.settings(door)),
        }
        dev = stack.enter_context(running_dev(folder / "dev", expect_exit=None, **env))
        used = other or sandbox_exchange(dev.sandbox_url, INTEGRATION)
        notary.forward_to(used.base_url)
        first = Member(number=number, state_dir=dev.state_dir, config=dev.config, env={}, address=dev.address)
        first.supervisor = dev.process.pid
        fleet = Fleet(dev, database, notary, used, folder, [first], own)
        stack.callback(_end, fleet)
        fleet.members += [fleet.add() for _ in range(1, replicas)]
        for member in fleet.servers:
            member.await_ready()
        yield fleet


def _coinbase(door: str) -> Mapping[str, str]:
    """Point dev's Coinbase at the notary; what dev points at the sandbox otherwise follows it."""
    return {f"MMT_PROVIDERS__COINBASE__{field}": f"{door}/{INTEGRATION}{path}" for field, path in PATHS.items()}


def _end(fleet: Fleet) -> None:
    for member in fleet.servers:
        if member.process is not None and member.process.poll() is None:
            member.kill()
        remove_sockets(member.state_dir)


def owner_of(member: Member) -> str:
    """The replica's id, as `mmt replicas` names it."""
    descriptor = os.open(member.state_dir / "lock", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 16).hex()
    finally:
        os.close(descriptor)
