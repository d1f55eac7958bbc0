"""Keyrings and sealings that most tests of the crypto layer start from; none of them opens a connection."""

from collections.abc import Iterator

import pytest
import pytest_socket

from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.rows import RowAccessSealing, RowSealing
from mmt_grpc.domain.token_row import Binding, SealedToken
from tests.crypto.material import (
    CREDENTIAL,
    RENEWAL,
    access_keyring,
    binding_for,
    metadata_for,
    renewal_keyring,
)


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    """Sockets raise while a test of this layer runs."""
    pytest_socket.disable_socket()
    yield
    pytest_socket.enable_socket()


@pytest.fixture
def sealing() -> RowSealing:
    """The exchanger's side, over keyrings of fixed keys."""
    return RowSealing(access_keyring=access_keyring(), renewal_keyring=renewal_keyring(), randomness=SystemRandomness())


@pytest.fixture
def access_sealing() -> RowAccessSealing:
    """A worker's side, over the access keyring alone."""
    return RowAccessSealing(access_keyring=access_keyring())


@pytest.fixture
def binding() -> Binding:
    """What the first generation of the usual row is bound to."""
    return binding_for(metadata_for())


@pytest.fixture
def sealed(sealing: RowSealing, binding: Binding) -> SealedToken:
    """The usual row, sealed."""
    return sealing.seal_connection(binding=binding, credential=CREDENTIAL, renewal=RENEWAL, metadata=metadata_for())
