"""The wire, driven over real channels with stand-ins behind it."""
