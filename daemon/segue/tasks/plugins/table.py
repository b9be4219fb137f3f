"""Which module here does the work of a type: the namesake of the one in `spec.types.plugins` that describes it. It is
loaded in a worker with the first task or look that needs it.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import Any, Final

from segue.spec.catalogue import PREFIX
from segue.spec.type_table import NAMES
from segue.tasks.kind import TaskKind
from segue.tasks.polling import PollKind

_DESCRIBED: Final = "types.plugins."
_MODULES: Final = {
    PREFIX + name: module.removeprefix(_DESCRIBED)
    for modules in NAMES.values()
    for module, names in modules.items()
    if module.startswith(_DESCRIBED)
    for name in names
}


def kind_of(name: str) -> TaskKind[Any] | None:
    kinds: Iterable[TaskKind[Any]] = _named("KINDS", name)
    return next((kind for kind in kinds if kind.name == name), None)


def poll_of(name: str) -> PollKind[Any] | None:
    polls: Iterable[PollKind[Any]] = _named("POLLS", name)
    return next((poll for poll in polls if poll.name == name), None)


def _named(what: str, name: str) -> Any:
    module = _MODULES.get(name)
    return getattr(import_module(f"segue.tasks.plugins.{module}"), what, ()) if module is not None else ()
