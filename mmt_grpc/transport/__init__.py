"""The wire: the public service, and both ends of the RPC between workers and their exchanger."""
