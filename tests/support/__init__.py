"""Builders and waits that tests share. Strictly typed, no pretending: real repositories, databases, processes."""
