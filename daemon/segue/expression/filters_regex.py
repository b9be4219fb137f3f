"""Filters that take regular expressions. Each match has a time bound, but matches in a loop add up, and the main process has no clock
to add them: so these filters count as effects, for a worker, unless the pattern is harmless."""

from __future__ import annotations

from typing import Any

import regex

from segue.expression import java_regex
from segue.expression.errors import ExpressionError
from segue.expression.evaluation import Evaluation
from segue.expression.filters_text import each_text
from segue.expression.java_regex import TEMPLATE_MATCH_SECONDS_MAX
from segue.expression.signatures import FilterSignature, Given, boolean_argument, integer_argument
from segue.expression.values import class_name, to_text


def _pattern(given: Given, name: str, evaluation: Evaluation) -> str:
    value = given.get(name)
    if value is None:
        raise ExpressionError(f"The argument '{name}' is required.")
    return to_text(value, evaluation.meter)


def _regex_match(value: Any, given: Given, evaluation: Evaluation) -> bool:
    if value is None:
        return False
    return _found(value, given, evaluation) is not None


def _regex_replace(value: Any, given: Given, evaluation: Evaluation) -> str | None:
    if value is None:
        return None
    pattern, replacement = _pattern(given, "regex", evaluation), _pattern(given, "replacement", evaluation)
    text = to_text(value, evaluation.meter)
    return java_regex.replaced(pattern, replacement, text, seconds=TEMPLATE_MATCH_SECONDS_MAX)


def _regex_extract(value: Any, given: Given, evaluation: Evaluation) -> str | None:
    if value is None:
        return None
    found = _found(value, given, evaluation)
    group = integer_argument(given, "group", "The 'regexExtract' filter", 0)
    try:
        return None if found is None else found.group(group)
    except IndexError as error:
        raise ExpressionError(f"No group {group}") from error


def _found(value: Any, given: Given, evaluation: Evaluation) -> regex.Match[str] | None:
    pattern = _pattern(given, "regex", evaluation)
    return java_regex.found_in(pattern, to_text(value, evaluation.meter), seconds=TEMPLATE_MATCH_SECONDS_MAX)


def _replace(value: Any, given: Given, evaluation: Evaluation) -> Any:
    if value is None:
        return None
    pairs = given.get("replace_pairs")
    if pairs is None:
        raise ExpressionError("The argument 'replace_pairs' is required.")
    if not isinstance(pairs, dict):
        raise ExpressionError(f"The argument 'replace_pairs' must be a map, not {class_name(pairs)}.")
    texts = [(old, to_text(new, evaluation.meter)) for old, new in pairs.items()]
    if boolean_argument(given, "regexp", "The 'replace' filter", default=False):
        return each_text(value, lambda text: _replaced_by_regex(text, texts, evaluation), evaluation)
    return each_text(value, lambda text: _replaced(text, texts, evaluation), evaluation)


def _replaced(text: str, pairs: list[tuple[str, str]], evaluation: Evaluation) -> str:
    for old, new in pairs:
        evaluation.meter.join(len(text) + text.count(old) * max(0, len(new) - len(old)))
        text = text.replace(old, new)
    return text


def _replaced_by_regex(text: str, pairs: list[tuple[str, str]], evaluation: Evaluation) -> str:
    for pattern, replacement in pairs:
        text = java_regex.replaced(pattern, replacement, text, seconds=TEMPLATE_MATCH_SECONDS_MAX)
        evaluation.meter.join(len(text))
    return text


def _split(value: Any, given: Given, evaluation: Evaluation) -> list[str] | None:
    """Java's split: without a limit empty texts at the end are dropped."""
    if value is None:
        return None
    text, pattern = to_text(value, evaluation.meter), _pattern(given, "delimiter", evaluation)
    limit = integer_argument(given, "limit", "The 'split' filter", 0)
    parts: list[str] = []
    start = 0
    for found in java_regex.all_in(pattern, text, seconds=TEMPLATE_MATCH_SECONDS_MAX):
        if 0 < limit <= len(parts) + 1:
            break
        if found.end() == 0 or (found.start() == found.end() == len(text)):
            continue
        parts.append(text[start : found.start()])
        start = found.end()
    evaluation.meter.step(1 + (len(parts) >> 4))
    parts.append(text[start:])
    while not limit and len(parts) > 1 and not parts[-1]:
        parts.pop()
    return [] if not limit and parts == [""] and text else parts


REGEX_FILTERS: dict[str, FilterSignature] = {
    "regexExtract": FilterSignature(_regex_extract, ("regex", "group"), required=1, effect=True),
    "regexMatch": FilterSignature(_regex_match, ("regex",), required=1, effect=True),
    "regexReplace": FilterSignature(_regex_replace, ("regex", "replacement"), required=2, effect=True),
    "replace": FilterSignature(_replace, ("replace_pairs", "regexp"), required=1, effect=True),
    "split": FilterSignature(_split, ("delimiter", "limit"), required=1, effect=True),
}
