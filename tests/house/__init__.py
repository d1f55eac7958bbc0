"""Tests of the tree itself: its tools, its layers, its generated code."""
