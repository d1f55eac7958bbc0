"""The fake exchanges over real HTTP."""
