"""Tests of the domain, without sockets."""
