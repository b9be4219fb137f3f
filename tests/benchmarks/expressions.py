"""What expressions cost: reading a template, and rendering one that is read already.

    python -m tests.benchmarks.expressions

Prints one JSON line: microseconds for each template, the best of several rounds. Takes about two seconds.
"""

import json
import time
from collections.abc import Callable
from typing import Final

from segue.expression.template import Scope, Template, compile_template

SECONDS: Final = 0.05
ROUNDS: Final = 3

SCOPE: Final = Scope(
    variables={
        "inputs": {"name": "Ada", "tables": ["a", "b", "c"], "day": "2024-03-09T08:07:06Z"},
        "outputs": {"load": {"rows": [{"id": at, "name": f"row {at}"} for at in range(20)]}},
        "taskrun": {"value": "b"},
    }
)
TEMPLATES: Final = {
    "hello": "Hello {{ inputs.name }}",
    "long": "{{ outputs.load.rows[3].name | upper ~ '-' ~ (inputs.missing ?? taskrun.value) | lower }}",
    "typical": "{{ inputs.day | dateAdd(-1, 'DAYS') | date('yyyy-MM-dd') }}",
    "loop": "{% for row in outputs.load.rows %}{% if row.id > 9 %}{{ row.name }},{% endif %}{% endfor %}",
    "json": "{{ outputs.load | toJson }}",
}


def measured() -> dict[str, dict[str, float]]:
    """Microseconds to read and to render each template."""
    found = {}
    for name, text in TEMPLATES.items():
        template = compile_template(text)
        found[name] = {
            "read": _microseconds(_reading(text)),
            "render": _microseconds(_rendering(template)),
        }
    return found


def _reading(text: str) -> Callable[[int], None]:
    """Each time a text that was never read: templates are kept."""
    serial = iter(range(1 << 40))

    def read(times: int) -> None:
        for _ in range(times):
            compile_template(f"{text}{next(serial)}")

    return read


def _rendering(template: Template) -> Callable[[int], None]:
    def render(times: int) -> None:
        for _ in range(times):
            template.render(SCOPE)

    return render


def _microseconds(act: Callable[[int], None]) -> float:
    times, took = 1, 0.0
    while took < SECONDS:
        times *= 2
        took = _seconds(act, times)
    return round(min(took, *(_seconds(act, times) for _ in range(ROUNDS - 1))) / times * 1e6, 1)


def _seconds(act: Callable[[int], None], times: int) -> float:
    started = time.perf_counter()
    act(times)
    return time.perf_counter() - started


if __name__ == "__main__":
    print(json.dumps(measured()))
