"""Tests of whole installations: real processes, real HTTP, real gRPC."""
