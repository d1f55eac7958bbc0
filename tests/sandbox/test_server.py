"""The HTTP server itself: where it listens, what it refuses, what it logs."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx2
import pytest

from mmt_grpc.sandbox import SandboxRefusedError, SandboxServer, connection, server
from tests.sandbox.application import Application, sha256


def raw(sandbox: SandboxServer, *chunks: bytes) -> bytes:
    """Send bytes and read until the server hangs up."""
    parts = urlsplit(sandbox.base_url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) as peer:
        for chunk in chunks:
            peer.sendall(chunk)
        answer = b""
        while data := peer.recv(65536):
            answer += data
    return answer


@pytest.mark.parametrize("mode", ["production", "", "Dev"])
def test_it_serves_dev_installations_only(mode: str) -> None:
    with pytest.raises(SandboxRefusedError):
        SandboxServer(mode=mode)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "example.com", "", "10.0.0.1", "169.254.1.1"])  # noqa: S104  # refused
def test_it_binds_to_loopback_only(host: str) -> None:
    with pytest.raises(SandboxRefusedError):
        SandboxServer(host=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost"])
def test_every_loopback_address_will_do(host: str) -> None:
    with SandboxServer(host=host) as sandbox, httpx2.Client(trust_env=False) as http:
        assert http.get(f"{sandbox.base_url}/control/health").status_code == 200


def test_a_port_that_is_taken_is_an_error_at_start(sandbox: SandboxServer) -> None:
    with pytest.raises(OSError, match="address already in use"):
        SandboxServer(port=urlsplit(sandbox.base_url).port or 0).start()


def test_it_cannot_be_started_twice_but_stopped(sandbox: SandboxServer) -> None:
    with pytest.raises(RuntimeError):
        sandbox.start()
    sandbox.stop()
    sandbox.stop()
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{sandbox.base_url}/control/health", trust_env=False)


def test_a_bad_rate_limit_is_refused_before_anything_is_bound() -> None:
    with pytest.raises(ValueError, match="rate limit"):
        SandboxServer(rate_limits={"uphold": "many"})


def test_clients_can_be_other_than_the_usual_ones() -> None:
    clients = {"coinbase": ("my-id", "my secret+:%")}
    with SandboxServer(clients=clients) as sandbox, httpx2.Client(trust_env=False) as http:
        app = Application(http, sandbox.base_url)
        assert app.exchange("coinbase", app.authorize("coinbase")).status_code == 401
        app.settings["coinbase"] |= {"client_id": "my-id", "client_secret": "my secret+:%"}
        assert app.connect("coinbase")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "10.0.0.1:1", "[::"])
def test_a_foreign_host_name_is_refused(app: Application, host: str) -> None:
    answer = app.http.get(f"{app.base_url}/control/books", headers={"Host": host})
    assert answer.status_code == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.9.9.9:80", "[::1]", "[::1]:80"])
def test_loopback_host_names_are_taken(app: Application, host: str) -> None:
    assert app.http.get(f"{app.base_url}/control/health", headers={"Host": host}).status_code == 200


def test_a_web_page_cannot_steer_the_sandbox(app: Application) -> None:
    headers = {"Origin": "https://evil.example"}
    answer = app.http.post(f"{app.base_url}/control/api-keys", json={"account": "a", "scope": "read"}, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/", "/nothing", "/coinbase", "/coinbase/", "/coinbase/oauth2/token/", "/COINBASE/x"])
def test_unknown_paths_are_not_found(app: Application, path: str) -> None:
    assert app.http.get(f"{app.base_url}{path}").status_code == 404


def test_another_method_is_told_what_is_allowed(app: Application) -> None:
    answer = app.http.get(app.settings["coinbase"]["token_url"])
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    answer = app.http.request("PUT", app.settings["coinbase"]["authorize_url"])
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


def test_a_body_over_64_kib_is_refused(sandbox: SandboxServer, app: Application) -> None:
    fits = app.http.post(f"{app.base_url}/control/users", content=b" " * connection.BODY_MOST)
    assert fits.status_code == 400
    head = b"POST /control/users HTTP/1.1\r\nHost: localhost\r\n"
    declared = raw(sandbox, head + b"Content-Length: 70000\r\n\r\n" + b"x" * 70_000)
    chunked = raw(
        sandbox, head + b"Transfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + b"x" * 65536 + b"\r\n5\r\nhello\r\n"
    )
    for answer in (declared, chunked):
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /" + b"a" * 40_000,
    ],
)
def test_malformed_http_is_answered_once_and_closed(sandbox: SandboxServer, request_bytes: bytes) -> None:
    parts = urlsplit(sandbox.base_url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) as peer:
        peer.sendall(request_bytes)
        peer.shutdown(socket.SHUT_WR)
        assert peer.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_requests_can_follow_each_other_on_one_connection(sandbox: SandboxServer) -> None:
    one = b"GET /control/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /control/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert raw(sandbox, one + one, one, last).count(b'{"status":"ok"}') == 4


def test_http_1_0_is_served_and_closed(sandbox: SandboxServer) -> None:
    assert b'{"status":"ok"}' in raw(sandbox, b"GET /control/health HTTP/1.0\r\n\r\n")


def test_a_client_that_waits_before_its_body_is_told_to_go_on(sandbox: SandboxServer) -> None:
    body = b'{"account":"a","scope":"read"}'
    head = b"POST /control/api-keys HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nConnection: close\r\n"
    parts = urlsplit(sandbox.base_url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) as peer:
        peer.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body))
        assert peer.recv(100).startswith(b"HTTP/1.1 100 ")
        peer.sendall(body)
        assert peer.recv(100).startswith(b"HTTP/1.1 200 ")


def test_a_peer_that_never_finishes_its_request_is_cut_off(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.05)
    assert raw(sandbox, b"GET /control/hea") == b""
    monkeypatch.setattr(connection, "IDLE_SECONDS", 0.05)
    assert raw(sandbox) == b""


def test_one_connection_too_many_is_hung_up_on(sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_CONNECTIONS_MOST", 0)
    with pytest.raises(httpx2.TransportError):
        httpx2.get(f"{sandbox.base_url}/control/health", trust_env=False)


def test_a_hundred_connections_at_once(sandbox: SandboxServer) -> None:
    def use(number: int) -> tuple[int, int]:
        with httpx2.Client(trust_env=False, timeout=60) as http:
            app = Application(http, sandbox.base_url)
            tokens = app.connect("coinbase", f"user-{number}")
            for _ in range(3):
                tokens = app.refresh("coinbase", tokens["refresh_token"]).json()
            books = app.books("coinbase", f"user-{number}")
            return books["refreshes"], books["reuses"]

    with ThreadPoolExecutor(100) as pool:
        assert set(pool.map(use, range(100))) == {(3, 0)}


def test_of_many_refreshes_with_one_token_exactly_one_is_accepted(app: Application) -> None:
    token = app.connect("coinbase")["refresh_token"]
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _: app.refresh("coinbase", token).status_code, range(20)))
    assert sorted(statuses) == [200] + [401] * 19
    assert (app.books("coinbase")["refreshes"], app.books("coinbase")["reuses"]) == (1, 19)
    assert app.books("coinbase")["live"] == []


def test_stopping_ends_answers_that_are_under_way(app: Application, sandbox: SandboxServer) -> None:
    tokens = app.connect("acme")
    app.fault("acme", "slow", seconds=200)
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(app.refresh, "acme", tokens["refresh_token"])
        while app.books("acme")["refreshes"] == 0:
            pass
        sandbox.stop()
        with pytest.raises(httpx2.TransportError):
            pending.result()


def test_the_log_names_paths_and_statuses_and_nothing_else(
    app: Application, events: list[tuple[str, dict[str, object]]]
) -> None:
    tokens = app.connect("coinbase", "canary-account")
    app.account("coinbase", tokens["access_token"])
    app.revoke("coinbase", tokens["access_token"])
    app.control("users", account="canary-account", username="canary-user", password="canary-password", scope="read")
    app.log_in("canary-user", "canary-password")
    app.http.request("CANARY", f"{app.base_url}/canary-{tokens['access_token']}?code=canary")
    app.http.get(f"{app.base_url}/canary-name/account?canary=1")
    assert all(event == "sandbox_request" and set(fields) == {"method", "path", "status"} for event, fields in events)
    paths = {fields["path"] for _, fields in events}
    assert {"/control/authorizations", "/{integration}/oauth2/token", "/{integration}/account", ""} <= paths
    written = json.dumps(events).lower()
    assert "canary" not in written
    for secret in (tokens["access_token"], sha256(tokens["access_token"])):
        assert secret.lower() not in written


def test_a_bug_is_answered_by_a_fixed_sentence(
    app: Application, events: list[tuple[str, dict[str, object]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object) -> None:
        raise LookupError("canary")

    monkeypatch.setattr("mmt_grpc.sandbox.market.Market.report", explode)
    answer = app.http.get(f"{app.base_url}/control/books")
    assert (answer.status_code, answer.json()) == (500, {"error": "internal"})
    assert ("sandbox_failure", {"error": "LookupError"}) in events
    assert "canary" not in json.dumps(events)
