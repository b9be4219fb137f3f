"""Tasks beyond Kestra's core that its users reach for most, one module for each family, under Kestra's type names.
`table` finds the module that a type is in.

What a family needs on top of the standard library is an extra of the package; `extras` loads it when a task asks for it.
"""
