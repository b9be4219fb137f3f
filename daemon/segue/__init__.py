"""Segue: a Git-native orchestration daemon. Commit a flow, see it run."""

__version__ = "0.1.0"
