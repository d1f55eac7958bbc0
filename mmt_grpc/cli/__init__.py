"""The command line: arguments in, tables or JSON out. Everything else is done by the layers below."""

from mmt_grpc.cli.main import main

__all__ = ["main"]
