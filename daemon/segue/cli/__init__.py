"""The command line: one module for each command, `main` to find them, `errors` for how they end.

A module is imported only when its command is called, so that `segue --help` does not pay for a web server.
"""
