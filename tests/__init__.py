"""The tests: one package per layer of mmt_grpc, `system` for whole installations, `house` for the tree itself."""
