"""What MMT decides, in plain Python: standard library only, no I/O of its own."""
