"""Harnesses that several layers' tests share."""
