"""Whole installations and their composition."""
