"""Benchmarks: each compares within one run, against a named baseline."""
