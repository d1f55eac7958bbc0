"""The demonstration's last part: revoked means revoked, here, at the exchange and on the disk."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from mmt_grpc.app.demo_connecting import ADA, BOB
from mmt_grpc.app.demo_expiring import EVE
from mmt_grpc.app.demo_residue import sealed_pieces, search, search_until_gone, texts
from mmt_grpc.app.demo_stage import Came, Stage, refusal, short
from mmt_grpc.domain.errors import Reason
from mmt_grpc.domain.model import ConnectOutcome, Scope, Upstream

NAME: Final = "coinbase"


def play(stage: Stage) -> None:
    """Revoke one connection and look closely, then all others, then search the files."""
    stage.step(
        "Revoke the Coinbase token",
        "gone here; revoked at the exchange, and verified there",
        lambda: _revoked(stage),
    )
    for what, call in (
        ("Revoke it again", lambda: stage.write.revoke(stage.token_id(NAME))),
        ("Resolve it", lambda: stage.resolve(stage.token_id(NAME))),
    ):
        stage.step(what, Reason.TOKEN_NOT_FOUND, lambda call=call: refusal(call, Reason.TOKEN_NOT_FOUND))  # type: ignore[misc]  # mypy knows no default arguments of lambdas
    stage.step("The user connects Coinbase once more", "a new token_id", lambda: _connected_anew(stage))
    pieces: list[bytes] = []
    stage.step(
        "Search the database's files for the sealed credentials",
        "there, sealed; no credential, user or token_id in the clear",
        lambda: _sealed(stage, pieces),
    )
    stage.step(
        "Revoke everything else", "all gone, and the exchanges told where they can be", lambda: _all_revoked(stage)
    )
    stage.step(
        "Search database, ledger, spool, audit and log again",
        "nothing left, sealed or in the clear",
        lambda: _nothing_left(stage, pieces),
    )


def _revoked(stage: Stage) -> Came:
    bearer = stage.bearer(stage.token_id(NAME))
    upstream = stage.write.revoke(stage.token_id(NAME)).upstream
    works = stage.installation.exchange.lets_in(NAME, bearer)
    text = f"{upstream.name.lower()}; the exchange {'lets it in' if works else 'refuses it'}"
    return Came(text, upstream is Upstream.REVOKED and not works)


def _connected_anew(stage: Stage) -> Came:
    before = stage.token_id(NAME)
    grant = stage.installation.exchange.authorize(NAME, "ada", Scope.READ)
    again = stage.connect(NAME, grant, user=ADA, integration=NAME)
    kept = again.token_id != before and again.outcome is ConnectOutcome.CREATED
    return Came(f"{short(again.token_id)} {again.outcome.name.lower()}", kept)


def _sealed(stage: Stage, pieces: list[bytes]) -> Came:
    """Gather every sealed piece, and prove that the search finds what is there."""
    pieces += sealed_pieces(stage.installation, _ids(stage))
    sealed, clear = search(stage.installation, pieces), search(stage.installation, _in_the_clear(stage))
    kept = bool(pieces) and sealed.count >= len(pieces) and clear.count == 0
    return Came(f"{len(pieces)} sealed pieces: {sealed}; in the clear: {clear}", kept)


def _all_revoked(stage: Stage) -> Came:
    said: Counter[Upstream] = Counter()
    for name, connected in stage.connected.items():
        by = stage.other if name == "coinbase elsewhere" else stage.write
        said[by.revoke(connected.token_id).upstream] += 1
    left = sealed_pieces(stage.installation, _ids(stage))
    text = ", ".join(f"{count} {upstream.name.lower()}" for upstream, count in sorted(said.items()))
    return Came(text, kept=not left and not said[Upstream.FAILED])


def _nothing_left(stage: Stage, pieces: Sequence[bytes]) -> Came:
    clear = _in_the_clear(stage)
    found = search_until_gone(stage.installation, [*pieces, *clear])
    return Came(f"{len(pieces)} sealed pieces and {len(clear)} texts: {found}", bool(pieces) and not found.count)


def _ids(stage: Stage) -> list[str]:
    return sorted({connected.token_id for connected in stage.connected.values()})


def _in_the_clear(stage: Stage) -> list[bytes]:
    """Return what must stand nowhere: credentials, codes, passwords, end users and token ids."""
    named = [text.encode() for text in (ADA, BOB, EVE, *_ids(stage))]
    return [*texts([*stage.secrets, *stage.installation.exchange.spoken]), *named]
