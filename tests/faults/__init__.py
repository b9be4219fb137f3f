"""Faults: a real daemon under load that is killed, starved of disk or robbed of its workers, and what has to hold after."""
