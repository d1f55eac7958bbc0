"""Both ends of the internal RPC, over a real unix socket."""
