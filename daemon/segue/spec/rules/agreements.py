"""Agreements (`sla`) that nobody ever looks at: what has to hold is judged at each change, where nothing outside is asked."""

from collections.abc import Iterator

from segue.expression.template import effects_of
from segue.spec.finding import Finding, warning
from segue.spec.rules.subject import Subject


def never_judged(subject: Subject) -> Iterator[Finding]:
    slas = subject.flow.raw.get("sla")
    for number, sla in enumerate(slas if isinstance(slas, list) else ()):
        asked = effects_of(sla.get("assert")) if isinstance(sla, dict) else frozenset()
        if asked:
            yield warning(
                ("sla", number, "assert"),
                "never-judged",
                f"the assertion is never judged: it asks for {', '.join(sorted(asked))}, and at each change of an "
                "execution nothing outside it is asked",
                hint="ask in a task, and compare its output",
            )
