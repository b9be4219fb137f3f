"""YAML text -> Flow or Problems, and the JSON Schema of the same models. No I/O: texts come in, values go out."""
