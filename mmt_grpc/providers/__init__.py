"""The exchanges over HTTP: one class for OAuth, one for logins and API keys, and what both stand on."""
