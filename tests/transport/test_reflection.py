"""What reflection tells a client, where it is switched on: enough for grpcurl, `buf curl` and ghz."""

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from mmt_grpc.transport.options import ServerOptions
from tests.transport.served import Client, Served, serving


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with serving(served, ServerOptions(listen="127.0.0.1:0", allow_plaintext=True, reflection=True)) as client:
        yield client


def ask(client: Client, **question: Any) -> Any:
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(client.channel)
    [answer] = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(**question)]))
    return answer


def test_the_public_services_are_listed_and_no_other(client: Client) -> None:
    listed = ask(client, list_services="").list_services_response.service
    assert {service.name for service in listed} == {
        "mmt.v1.TokenService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


@pytest.mark.parametrize(
    "symbol",
    [
        "mmt.v1.TokenService",
        "mmt.v1.TokenService.Connect",
        "mmt.v1.TokenService.Resolve",
        "mmt.v1.TokenService.Revoke",
        "mmt.v1.TokenService.CheckScope",
        "mmt.v1.ResolveRequest",
    ],
)
def test_a_symbol_is_answered_with_files_that_build(client: Client, symbol: str) -> None:
    files = [
        FileDescriptorProto.FromString(file)
        for file in ask(client, file_containing_symbol=symbol).file_descriptor_response.file_descriptor_proto
    ]
    by_name = {file.name: file for file in files}
    pool = DescriptorPool()

    def add(name: str) -> None:
        file = by_name.pop(name, None)
        if file is not None:
            for dependency in file.dependency:
                add(dependency)
            pool.Add(file)

    add("mmt/v1/token_service.proto")
    service = pool.FindServiceByName("mmt.v1.TokenService")
    assert {method.name for method in service.methods} == {"Connect", "Resolve", "Revoke", "CheckScope"}


@pytest.mark.parametrize(
    "symbol",
    ["mmt.v1.TokenService.Export", "mmt.v1.Other", "mmt.v1.Other.Connect", "", ".", "mmt.v1.TokenService.", "é"],
)
def test_an_unknown_symbol_is_not_found(client: Client, symbol: str) -> None:
    assert ask(client, file_containing_symbol=symbol).error_response.error_code == 5
