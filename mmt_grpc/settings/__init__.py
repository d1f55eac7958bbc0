"""The settings: one TOML file and the environment over it, read once, refused whole if anything is wrong."""
