"""Libraries that only some tasks need: extras of the package, loaded when such a task runs.

They are large - importing them with the worker would cost every worker the time and the memory - and may be missing.
"""

import importlib
from typing import Any

from segue.tasks.kind import TaskFailed


def library(module: str, extra: str) -> Any:
    """The module. A clear failure that names the extra if it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise TaskFailed(
            f"This task needs the library {module.partition('.')[0]}, which is not installed: "
            f"pip install 'segue[{extra}]' ({error})"
        ) from error
