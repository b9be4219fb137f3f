"""The whole of it: the real daemon, a real repository, and what a user sees over HTTP."""
