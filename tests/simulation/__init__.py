"""A deterministic simulation of refreshes: the real engine in a world of its own, whose every step a seed decides."""
