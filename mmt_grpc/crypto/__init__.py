"""Keyrings, keyed hashes and sealed rows: the only place where keys are used."""
