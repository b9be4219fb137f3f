"""Answers questions about behaviour with what the library computes, never seeing what is expected.

`answer` reads the questions and passes each to the module of its table; `reading` makes of a question's JSON what the
library works with.
"""
