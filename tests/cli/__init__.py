"""The command line: arguments and failures in process, the rest against a real installation."""
