"""`mmt token reinstate`: the end of an exchange's bad day, for administrators."""

import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mmt_grpc.cli.administration import read
from mmt_grpc.cli.output import as_json, show_one
from mmt_grpc.cli.parameters import TEXT, TIME
from mmt_grpc.domain.model import MICROSECONDS

if TYPE_CHECKING:
    from mmt_grpc.app.reinstatement import Reinstated, Reinstatement
    from mmt_grpc.settings.settings import Settings

_AGO: Final = re.compile(r"([0-9]{1,6})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Moment:
    """A time, or how long ago by the database's clock; microseconds."""

    at: int | None = None
    ago: int = 0

    def by(self, now: int) -> int:
        """Return the time, Unix microseconds."""
        return now - self.ago if self.at is None else self.at


class MomentType(click.ParamType[Moment]):
    """A moment as RFC 3339 writes it, or how long ago it was: `90s`, `30m`, `6h`, `2d`."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Moment:
        if isinstance(value, Moment):
            return value
        if ago := _AGO.fullmatch(str(value)):
            return Moment(ago=int(ago[1]) * _SECONDS[ago[2]] * MICROSECONDS)
        try:
            return Moment(at=TIME.convert(value, param, ctx))
        except click.BadParameter:
            self.fail("must be a time with its offset, like 2030-01-31T12:00:00Z, or how long ago, like 6h", param, ctx)


MOMENT: Final = MomentType()


@click.command()
@click.option("--integration", type=TEXT, required=True, help="The exchange that had the bad day: coinbase, uphold, ….")
@click.option("--condemned-after", type=MOMENT, required=True, help="When it began: a time, or how long ago (6h).")
@click.option("--condemned-before", type=MOMENT, default="0s", help="When it ended, likewise; else now.")
@click.option("--dry-run", is_flag=True, help="Count them; change nothing.")
@as_json
@click.pass_obj
def reinstate(
    config: Path | None,
    *,
    integration: str,
    condemned_after: Moment,
    condemned_before: Moment,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Have tokens refreshed again that an exchange refused on a bad day (administration: needs the settings).

    For an exchange that answered invalid_grant to users who had not withdrawn anything, and is well again. Those that
    it condemned then are due within the next 15 minutes, under the same token ids. One that is really dead is refused
    and condemned again. Left alone: what was ever in doubt, what was revoked, and what was condemned over 7 days ago,
    whose refresh tokens are erased. It may be run again at any time. Written to the audit log, row by row.
    """
    from mmt_grpc.app.administration import opened
    from mmt_grpc.app.reinstatement import Reinstatement

    settings = read(config)
    with opened(settings) as administration:
        administration.check()
        now = administration.store.tokens.now()
        reinstatement = Reinstatement(
            administration=administration,
            integration=integration,
            since=condemned_after.by(now),
            before=condemned_before.by(now),
            on_batch=_progress if sys.stderr.isatty() else _silence,
        )
        counts = reinstatement.look() if dry_run else _reinstated(reinstatement, settings)
    show_one({"dry_run": dry_run, **asdict(counts)}, as_json=as_json)


def _reinstated(reinstatement: "Reinstatement", settings: "Settings") -> "Reinstated":
    from mmt_grpc.app.administrators_audit import administrators_audit

    with administrators_audit(settings.audit_path) as audit:
        return reinstatement.reinstate(audit)


def _progress(counts: "Reinstated") -> None:
    click.echo(f"{counts.found} found, {counts.reinstated} reinstated", err=True)


def _silence(counts: "Reinstated") -> None:
    del counts


TOKEN_COMMANDS: Final = (reinstate,)
