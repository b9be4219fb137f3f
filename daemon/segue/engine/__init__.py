"""Pure decisions: events and values in, changes and values out. No I/O, no clock, no chance, no logging."""
