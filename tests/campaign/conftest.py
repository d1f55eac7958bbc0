"""The short campaigns' database: one for each process of the tests."""

from tests.support.mariadb import mariadb

__all__ = ["mariadb"]
