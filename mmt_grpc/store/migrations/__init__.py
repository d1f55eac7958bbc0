"""The numbered steps of the schema, each additive: the version before still runs on what a step leaves behind."""
