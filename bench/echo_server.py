"""The baseline: a bare grpcio server that answers Resolve's request with a fixed answer, and does nothing else.

Run as `python -m bench.echo_server PORT`; it pins itself to core 0 and prints `ready`.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

from mmt.v1 import managed_token_pb2, token_service_pb2


def echo(request: token_service_pb2.ResolveRequest, context: grpc.ServicerContext) -> token_service_pb2.ResolveResponse:
    """Answer with as many bytes as a real answer has."""
    del context
    answer = token_service_pb2.ResolveResponse(
        bearer_token=managed_token_pb2.BearerToken(access_token="x" * 43),
        integration="coinbase",
        scope=request.required_scope,
        generation=1,
    )
    answer.expire_time.FromMicroseconds(1_800_000_000_000_000)
    answer.use_until.FromMicroseconds(1_800_000_000_000_000)
    return answer


def main(port: int) -> None:
    """Serve on a loopback port until killed."""
    os.sched_setaffinity(0, {0})
    server = grpc.server(ThreadPoolExecutor(32))
    handler = grpc.unary_unary_rpc_method_handler(
        echo,
        request_deserializer=token_service_pb2.ResolveRequest.FromString,
        response_serializer=token_service_pb2.ResolveResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("mmt.v1.TokenService", {"Resolve": handler}),)
    )
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    print("ready", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main(int(sys.argv[1]))
