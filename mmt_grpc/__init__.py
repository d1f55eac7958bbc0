"""MMT, Managed Tokens: keeps exchange credentials behind lasting token ids."""
