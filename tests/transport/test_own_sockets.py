"""A server that hands its address over: new connections go elsewhere, those that there are go on."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from mmt_grpc.transport import own_sockets
from mmt_grpc.transport.own_sockets import has_connections, stop_listening


@contextlib.contextmanager
def listening(port: int = 0) -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        listener.settimeout(10)
        yield listener


def test_new_connections_go_to_whoever_still_listens_and_the_old_ones_stay() -> None:
    with listening() as leaving:
        port = leaving.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as caller, leaving.accept()[0] as accepted:
            # Its caller is of this process, too: what ends is what listens.
            assert stop_listening([port]) == 1
            with listening(port) as coming:
                for _ in range(20):
                    with socket.create_connection(("127.0.0.1", port)), coming.accept()[0]:
                        pass
            caller.sendall(b"still here")
            assert accepted.recv(100) == b"still here"
            with pytest.raises(OSError, match="Invalid argument"):
                leaving.accept()


def test_other_ports_are_left_alone() -> None:
    with listening() as one, listening() as other:
        stop_listening([one.getsockname()[1]])
        with socket.create_connection(other.getsockname()), other.accept()[0]:
            pass


def test_connections_are_seen_for_as_long_as_there_are_any() -> None:
    with listening() as listener:
        port = listener.getsockname()[1]
        assert not has_connections([port])
        with socket.create_connection(("127.0.0.1", port)) as caller, listener.accept()[0]:
            assert has_connections([port])
            assert has_connections([port + 1 if port < 65535 else 1, port])
            assert not has_connections([caller.getsockname()[1] + 1])
        assert not has_connections([port])


def test_a_connection_that_waits_to_be_accepted_is_not_reset() -> None:
    with contextlib.ExitStack() as stack:
        leaving = stack.enter_context(listening())
        port = leaving.getsockname()[1]
        client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
        ending = threading.Thread(target=stop_listening, args=([port],))
        ending.start()

        # It waits for that: who connects meanwhile still comes here.
        ending.join(0.1)
        assert ending.is_alive()
        server, _ = leaving.accept()
        stack.enter_context(server)
        ending.join()

        server.sendall(b"welcome")
        assert client.recv(7) == b"welcome"
        with pytest.raises(OSError, match="Invalid argument"):
            leaving.accept()


def test_a_listener_where_nobody_accepts_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_sockets, "PATIENCE", 0.05)
    with listening() as leaving:
        port = leaving.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            assert stop_listening([port]) == 1
            with pytest.raises(ConnectionResetError):
                client.recv(1)
