"""What is wrong with a keyring or its root key: an operator's problem, told at start and by administration."""


class KeyringError(Exception):
    """A keyring or root key cannot be used; the sentence names the file and the flaw, never key material.

    While serving it never leaves this package: a reload that fails is a `StoreUnavailableError`.
    """
