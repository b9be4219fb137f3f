"""Properties of tasks beyond Kestra's core: one module for each family that `tasks.plugins` runs."""
