"""The crypto layer: keyrings, keyed hashes, sealed rows and records."""
