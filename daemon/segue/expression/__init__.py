"""Expressions: `{{ ... }}` and `{% ... %}` in flows, Kestra's dialect of the Pebble template language.

The way in is `template`: `compile_template` reads a text once, the `Template` it gives back renders it as often as needed.
Text becomes `tokens`, those a tree (`parser`, `tree`), the tree closures (`compile`, `evaluate`), which work on plain values
(`values`) under a hard `budget`. Whatever is not pure - the clock, chance, secrets, keys, files, HTTP - arrives through
`outside.Outside`; the package itself does no I/O, and no attribute of a Python object can be reached from a template.
"""
