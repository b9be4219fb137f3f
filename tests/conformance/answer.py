"""`python -m tests.conformance.answer`: reads questions as JSON lines, prints an answer as a JSON line for each.

An answer is `{"case", "value"}`, `{"case", "error"}` where the library refuses, or `{"case", "unsupported"}`. A crash is
told as unsupported, with what crashed, so that it never passes for a refusal.
"""

import json
import sys
import traceback
from collections.abc import Callable
from typing import Any

from tests.conformance import expressions, inputs, misc, triggers
from tests.conformance.reading import Refused, Unsupported

Answerer = Callable[[dict[str, Any]], dict[str, Any]]

TABLES: dict[str, Answerer] = {
    "expressions": expressions.answer,
    "inputs": inputs.answer,
    "misc": misc.answer,
    "triggers": triggers.answer,
}


def answer(question: dict[str, Any]) -> dict[str, Any]:
    case = {"case": question["case"]}
    try:
        answerer = TABLES.get(question["table"])
        if answerer is None:
            return case | {"unsupported": f"no answerer for table {question['table']}"}
        return case | answerer(question)
    except Refused as refused:
        return case | {"error": str(refused)}
    except Unsupported as unsupported:
        return case | {"unsupported": str(unsupported)}
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename.rpartition('/')[2]}:{place.lineno}"
        return case | {"unsupported": f"crashed at {where}: {type(error).__name__}: {error}"}


def main() -> None:
    for line in sys.stdin:
        if line.strip():
            print(json.dumps(answer(json.loads(line)), ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
