"""The properties of task types that work in a worker, one module for each family.

A model holds only what is peculiar to its type; what all tasks share is `spec.tasks.TaskCommon`. Each module ends with
`TYPES`: type name (without the prefix `io.kestra.plugin.`) -> model; polling triggers of the family are among them. The
names stand in `spec.type_table` as well.
"""
