"""What becomes of a request on real sockets, whatever the other side does."""

import socket
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from mmt_grpc.domain.model import BearerToken, Liveness
from mmt_grpc.domain.ports.providers import Failure
from mmt_grpc.domain.secret import Secret
from mmt_grpc.providers.registry import Surroundings
from mmt_grpc.providers.resolver import MOST_LOOKUPS, Resolver, Target, UnreachableError
from tests.providers.acme import QUICK, RENEWAL, TOKENS, error_of, failure_of, integration, redeem, refresh
from tests.support.certificates import Authority
from tests.support.http_script import Act, ScriptedServer, drips, hangs_up, is_silent, resets, says, writes

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "act",
    [
        resets,
        hangs_up,
        is_silent,
        writes(b"SSH-2.0-OpenSSH_9.9\r\n"),
        writes(b"\x16\x03\x01\x02\x00"),
        writes(HEAD + b'Content-Length: 500\r\n\r\n{"access_token": "half'),
        writes(HEAD + b"Transfer-Encoding: chunked\r\n\r\nnot-a-length\r\n"),
        writes(HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}"),
        writes(HEAD + b"Content-Length: 70000\r\n\r\n" + b'{"access_token":"a"}'.ljust(70_000)),
        writes(HEAD + b"X-Long: " + b"x" * 100_000),
        writes(HEAD + b"\r\n" + b" " * 100_000 + b"{}"),
        writes(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"),
        writes(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000),
        writes(b"HTTP/1.1 204 No Content\r\n\r\n"),
        drips(HEAD + b"\r\n"),
        drips(HEAD, b"X"),
        drips(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 102 Processing\r\n\r\n"),
        says(302, headers={"Location": "/token"}),
    ],
)
def test_an_answer_that_is_none_leaves_the_outcome_unknown(act: Act) -> None:
    with ScriptedServer(act, says(200, TOKENS)) as server:
        assert failure_of(lambda: refresh(integration(server.url, **QUICK))) is Failure.AMBIGUOUS
        assert len(server.requests) == 1


def test_an_answer_comes_in_chunks_or_until_the_end_or_after_a_hint() -> None:
    body = b'{"access_token":"a","token_type":"bearer"}'
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    to_the_end = HEAD + b"Connection: close\r\n\r\n" + body
    hinted = b"HTTP/1.1 103 Early Hints\r\n\r\n" + to_the_end
    with ScriptedServer(writes(chunked), writes(to_the_end), writes(hinted)) as server:
        provider = integration(server.url)
        assert [refresh(provider).credential for _ in range(3)] == [BearerToken(Secret("a"))] * 3


def test_a_port_that_nobody_listens_on_was_sent_nothing() -> None:
    with ScriptedServer(hangs_up) as server:
        url = server.url
    assert failure_of(integration(url).open_refresh) is Failure.NOT_SENT


def test_a_connection_that_was_closed_before_the_request_was_sent_nothing() -> None:
    with ScriptedServer(hangs_up, reads=False) as server:
        channel = integration(server.url).open_refresh()
        assert server.acted.wait(10)
        assert failure_of(lambda: channel.refresh(RENEWAL)) is Failure.NOT_SENT


def test_a_closed_channel_sends_nothing() -> None:
    with ScriptedServer(says(200, TOKENS)) as server:
        channel = integration(server.url).open_refresh()
        channel.close()
        channel.close()
        assert failure_of(lambda: channel.refresh(RENEWAL)) is Failure.NOT_SENT
        assert server.requests == []


def test_what_passes_before_the_refresh_is_sent_is_not_taken_from_its_time() -> None:
    now = [100.0]
    with ScriptedServer(says(200, TOKENS)) as server:
        channel = integration(server.url, surroundings=Surroundings(elapsed=lambda: now[0])).open_refresh()
        now[0] += 1000.0
        assert channel.refresh(RENEWAL).renewal is not None


def test_a_tls_handshake_that_never_ends_was_sent_nothing() -> None:
    with ScriptedServer(is_silent, reads=False) as server:
        provider = integration(server.url.replace("http:", "https:"), **QUICK)
        assert failure_of(provider.open_refresh) is Failure.NOT_SENT


def test_a_name_that_resolves_too_late_was_sent_nothing() -> None:
    late = threading.Event()

    def lookup(_host: str, port: int) -> Sequence[Target]:
        late.wait(1.5)
        return [Target(socket.AF_INET, "127.0.0.1", port)]

    with ScriptedServer(says(200, TOKENS)) as server:
        provider = integration(server.url, surroundings=Surroundings(lookup=lookup), connect_timeout=0.1)
        assert failure_of(provider.open_refresh) is Failure.NOT_SENT
        late.set()


def test_a_name_that_does_not_resolve_was_sent_nothing() -> None:
    def lookup(_host: str, _port: int) -> Sequence[Target]:
        raise socket.gaierror

    provider = integration("https://nowhere.example", surroundings=Surroundings(lookup=lookup))
    assert failure_of(provider.open_refresh) is Failure.NOT_SENT


def test_lookups_that_hang_do_not_pile_up() -> None:
    release = threading.Event()
    asked: list[str] = []

    def lookup(host: str, _port: int) -> Sequence[Target]:
        asked.append(host)
        release.wait()
        return ()

    resolver = Resolver(lookup=lookup)
    for _ in range(MOST_LOOKUPS + 5):
        with pytest.raises(UnreachableError):
            resolver.resolve("hangs.example", 443, timeout=0.001, private=False, public=True)
    release.set()
    assert len(asked) <= MOST_LOOKUPS


def test_a_name_server_that_never_answers_keeps_no_other_name_from_being_looked_up() -> None:
    release = threading.Event()

    def lookup(host: str, port: int) -> Sequence[Target]:
        if host == "hangs.example":
            release.wait()
        return [Target(socket.AF_INET, "192.0.32.8", port)]

    resolver = Resolver(lookup=lookup)
    for _ in range(MOST_LOOKUPS + 5):
        with pytest.raises(UnreachableError):
            resolver.resolve("hangs.example", 443, timeout=0.001, private=False, public=True)
    found = resolver.resolve("answers.example", 443, timeout=10, private=False, public=True)
    release.set()

    assert [target.host for target in found] == ["192.0.32.8"]


def test_a_lookup_that_no_thread_can_be_had_for_takes_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(lookup=lambda _, port: [Target(socket.AF_INET, "192.0.32.8", port)])

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as without_threads:
        without_threads.setattr(threading.Thread, "start", refuse)
        for _ in range(MOST_LOOKUPS + 1):
            with pytest.raises(UnreachableError):
                resolver.resolve("answers.example", 443, timeout=10, private=False, public=True)

    assert resolver.resolve("answers.example", 443, timeout=10, private=False, public=True)


def test_an_address_that_never_answers_leaves_time_for_the_next(tmp_path: Path) -> None:
    authority = Authority(folder=tmp_path)

    def lookup(_host: str, port: int) -> Sequence[Target]:
        return [Target(socket.AF_INET, host, port) for host in ("127.0.0.2", "127.0.0.1")]

    around = Surroundings(lookup=lookup, tls=authority.trust)
    with (
        ScriptedServer(says(200, TOKENS), tls=authority.server("localhost")) as server,
        ScriptedServer(is_silent, reads=False, address=("127.0.0.2", server.port)),
    ):
        provider = integration(server.url, surroundings=around, connect_timeout=2.0)
        assert refresh(provider).credential == BearerToken(Secret("new-access"))


def test_what_is_sent_is_exactly_this(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with ScriptedServer(says(200, TOKENS, {"Set-Cookie": "session=1"}), says(200, {"id": "me"})) as server:
        provider = integration(server.url)
        provider.read_account(redeem(provider).credential)
        sent = server.heads()

    common = {
        "host": f"localhost:{server.port}",
        "user-agent": "mmt",
        "accept": "application/json",
        "accept-encoding": "identity",
        "connection": "close",
    }
    form = {"content-type": "application/x-www-form-urlencoded", "content-length": str(len(server.bodies()[0]))}
    assert sent[0] == {"": "POST /token HTTP/1.1", **common, **form}
    assert sent[1] == {"": "GET /account HTTP/1.1", **common, "authorization": "Bearer new-access"}
    assert server.bodies()[0] == (
        b"grant_type=authorization_code&code=canary-code&redirect_uri=https%3A%2F%2Fapp.example%2Fback"
        b"&code_verifier=canary-verifier&client_id=our-id&client_secret=canary-client-secret"
    )


def test_every_request_has_a_connection_of_its_own() -> None:
    with ScriptedServer(says(200, TOKENS, {"Connection": "keep-alive"})) as server:
        provider = integration(server.url)
        for _ in range(3):
            refresh(provider)
        assert len(server.requests) == 3


def test_a_token_that_cannot_stand_in_a_header_is_dead_and_never_sent() -> None:
    with ScriptedServer(says(200, {"id": "me"})) as server:
        provider = integration(server.url)
        for text in ("a\r\nX-Injected: 1", "a\nb", "a\x00b", "tökén", "\ud800"):
            credential = BearerToken(Secret(text))
            error = error_of(partial(provider.read_account, credential))
            assert (error.failure, str(error)) == (Failure.PERMANENT, "acme: permanent")
            assert provider.probe(credential) is Liveness.DEAD
        assert server.requests == []


def test_no_form_field_can_be_broken_out_of() -> None:
    with ScriptedServer(says(200, TOKENS)) as server:
        channel = integration(server.url).open_refresh()
        channel.refresh(Secret("a&client_id=evil\r\n\r\nGET / HTTP/1.1\x00ü\ud800"))
        assert server.bodies()[0].startswith(
            b"grant_type=refresh_token&refresh_token=a%26client_id%3Devil%0D%0A%0D%0AGET+%2F+HTTP%2F1.1%00%C3%BC%ED%A0%80&"
        )
