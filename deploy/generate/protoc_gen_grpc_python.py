"""A protoc plugin for gRPC's Python stubs, which grpcio-tools offers only inside its own protoc."""

import sys
import tempfile
from pathlib import Path

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc


def generate(request: CodeGeneratorRequest) -> CodeGeneratorResponse:
    """The `_pb2_grpc.py` of every requested file that defines a service."""
    wanted = set(request.file_to_generate)
    services = [file.name for file in request.proto_file if file.name in wanted and file.service]
    response = CodeGeneratorResponse(supported_features=CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL)
    if not services:
        return response
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory)
        descriptors = out / "descriptors.binpb"
        descriptors.write_bytes(FileDescriptorSet(file=request.proto_file).SerializeToString())
        arguments = ["protoc", f"--descriptor_set_in={descriptors}", f"--grpc_python_out={out}", *services]
        if protoc.main(arguments) != 0:
            response.error = "grpcio-tools refused the descriptors"
            return response
        for path in sorted(out.rglob("*_pb2_grpc.py")):
            response.file.add(name=path.relative_to(out).as_posix(), content=path.read_text(encoding="utf-8"))
    return response


if __name__ == "__main__":
    sys.stdout.buffer.write(generate(CodeGeneratorRequest.FromString(sys.stdin.buffer.read())).SerializeToString())
