"""Benchmarks: real daemons, real clients, tables of figures. Never asserted, so that a busy machine fails nothing."""
