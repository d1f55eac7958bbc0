"""What a killed exchanger left on its disk, and which answers of the exchange it can have lost.

An exchanger's supervisor is stopped before the kill, so that nothing touches the disk until it has been read. An
answer is *caught* if the exchange had committed it (the notary saw it come back, before or just after the death) and no
record on the dead exchanger's disk holds its refresh token: nobody has it any more. Every other answer is on the disk
or in the row, and must not be lost.
"""

from __future__ import annotations

import os
import signal
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mmt_grpc.crypto.keyrings import load_renewal_keyring
from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.records import RenewalRecordSealing
from mmt_grpc.crypto.root_key import FileRootKey
from mmt_grpc.domain.errors import MmtError
from mmt_grpc.exchange.attempt_reading import ANSWER, ANSWER_AT, LENGTH, PREFIX
from mmt_grpc.exchange.spool_listing import listed
from mmt_grpc.telemetry.clock import BootClock
from tests.campaign.fleet import Fleet
from tests.campaign.member import Member, kill_process
from tests.campaign.notary import Chain, Exchange

_KIND: Final = PREFIX.removesuffix("-")
WINDOW: Final = 20.0
"""Answers older than this at a death were on the disk, or committed, long before: a record is kept for minutes."""
UNCOMMITTED: Final = 3.0
"""Answers older than this are in their rows, with a database that answers."""
_ANSWER_LIMIT: Final = 12.0
"""Longer than the exchange, or the exchanger's own timeout, lets anything be under way."""


@dataclass
class Deaths:
    """Kills exchangers, and knows what each death caught."""

    fleet: Fleet
    caught: list[Exchange] = field(default_factory=list)
    times: list[tuple[int, float]] = field(default_factory=list)
    """Each death: the member's number and when, by the monotonic clock."""

    def kill(self, member: Member, pid: int, strike: Callable[[], None] = lambda: None) -> None:
        """Kill an exchanger after `strike` has waited for its moment (or has killed it), and read its disk."""
        member.signal(signal.SIGSTOP)
        try:
            strike()
            self.examine(member, kill_process(pid))
        finally:
            member.signal(signal.SIGCONT)

    def examine(self, member: Member, died_at: float, *, disk_lost: bool = False) -> None:
        """Note what the member's exchanger, dead now, has lost; its supervisor must not run.

        With `disk_lost` its records save nothing: all that came back within its last seconds may have been only there.
        """
        number = member.number
        self.times.append((number, died_at))
        self.fleet.notary.await_last_words(number, _ANSWER_LIMIT)
        window = UNCOMMITTED if disk_lost else WINDOW
        since = max([died_at - window, *member.deaths[-1:]])
        member.deaths.append(died_at)
        recent = [each for each in self.fleet.notary.refreshes()[-2000:] if each.member == number]
        at_risk = [each for each in recent if (each.committed_at or 0) >= since]
        if not at_risk:
            return
        kept = [] if disk_lost else list(self._records(member.spool, since))
        self.caught += [each for each in at_risk if not any((each.renewal or "").encode() in text for text in kept)]

    def explains(self, chain: Chain) -> bool:
        """Whether an answer of this chain was caught, or came when its exchanger had given up, and its refresh token
        was never seen again.
        """
        notary = self.fleet.notary
        lost = [*self.caught, *self.unheard()]
        return any(each.chain is chain and not notary.was_sent(each.renewal or "") for each in lost)

    def unheard(self) -> Sequence[Exchange]:
        """The answers that came when their exchangers, alive, had given up waiting: a machine stood still so long."""
        return [each for each in self.fleet.notary.refreshes() if each.is_unheard and each not in self.caught]

    def struck(self, sent: Exchange, until: float) -> bool:
        """Whether the exchanger that sent something died before `until`, which leaves its outcome unknown."""
        return any(number == sent.member and sent.began_at <= died_at <= until for number, died_at in self.times)

    def _records(self, spool: Path, since: float) -> Iterator[bytes]:
        """The answers that were written since, by the monotonic clock, opened."""
        sealing = self._sealing()
        earliest = time.time() - (time.monotonic() - since) - 1
        for entry in listed(spool, _KIND):
            if entry.written_at / 1e6 < earliest:
                continue
            try:
                content = (spool / f"{entry.kind}-{entry.key.hex()}.record").read_bytes()
                yield sealing.open_record(ANSWER, _answer_in(content))
            except (MmtError, OSError, struct.error):
                # A torn answer is none: the service will not be able to read it either.
                continue

    def _sealing(self) -> RenewalRecordSealing:
        randomness = SystemRandomness()
        home = self.fleet.dev.state_dir
        root = FileRootKey.load(home / "root.key", randomness=randomness)
        keyring = load_renewal_keyring(directory=home / "keys", root_key=root, clock=BootClock())
        return RenewalRecordSealing(renewal_keyring=keyring, randomness=randomness)


def strike_at_commit(fleet: Fleet, member: Member, pid: int, *, after: float, patience: float) -> Callable[[], None]:
    """Return what kills a process so many seconds after the exchange has committed its next refresh.

    0: before the answer leaves the notary, so that the answer is lost for certain. If no refresh comes, it returns.
    """

    def strike() -> None:
        seen: list[Exchange] = []

        def committed(each: Exchange) -> None:
            if each.member == member.number and not seen:
                if not after:
                    os.kill(pid, signal.SIGKILL)
                seen.append(each)

        fleet.notary.on_commit = committed
        give_up = time.monotonic() + patience
        try:
            while not seen and time.monotonic() < give_up:
                time.sleep(0.001)
            time.sleep(after)
        finally:
            fleet.notary.on_commit = lambda _: None

    return strike


def _answer_in(content: bytes) -> bytes:
    """The sealed answer of an attempt's file, behind its length."""
    (length,) = LENGTH.unpack_from(content, ANSWER_AT)
    return content[ANSWER_AT + LENGTH.size :][:length]
