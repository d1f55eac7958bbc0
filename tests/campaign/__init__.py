"""Crash campaigns: real processes on a real database against an exchange whose refresh tokens are good once."""
