"""Tests of what the processes tell of themselves."""
