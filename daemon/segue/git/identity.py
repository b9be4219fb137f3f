"""Who is in a file: the namespace and id of each flow that a YAML text holds, without loading it.

A cold start reads the identity of every text that a flow ever had, so the common case must cost microseconds: a block
mapping has its keys at column 0, and three searches find the ones that matter. Whatever looks unusual - several
documents, quoted or flow-style keys, a key that comes twice - is read from YAML's events instead, which
build nothing: no alias is expanded and no depth can hurt.

A text may be no valid flow and still have an identity; what it means is for `spec`.
"""

import hashlib
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml
from msgspec import Struct

from segue.model.names import FLOW_ID, FLOW_ID_LENGTH_MAX, NAMESPACE, NAMESPACE_LENGTH_MAX
from segue.model.problem import Problem
from segue.spec.unreadable import Fault, utf8_fault, yaml_fault

# A key at column 0 with a plain or simply quoted value, and nothing after it but a comment. Patterns begin with the line
# break before the key, because a search for a fixed character is several times faster than one for the start of a line.
_VALUE: Final = rb"[ \t]+(?:([A-Za-z0-9][\w.-]*)|\"([\w.-]+)\"|'([\w.-]+)')[ \t]*(?:#[^\n]*)?(?=\r?\n|\r?\Z)"
_ID: Final = re.compile(rb"\nid[ \t]*:" + _VALUE)
_NAMESPACE: Final = re.compile(rb"\nnamespace[ \t]*:" + _VALUE)
_ANY_KEY: Final = re.compile(rb"\n(id|namespace|tasks)[ \t]*:(?=[ \t\r\n]|\Z)")
_UNUSUAL: Final = re.compile(rb"\n(?:[\"'{\[?&!*%<\x09\x80-\xff]|\.\.\.|---)")
_LONE_RETURN: Final = re.compile(rb"\r(?!\n)")  # a line break to YAML
_LEADING_MARK: Final = re.compile(rb"\n(?:[ \t]*(?:#[^\n]*)?\r?\n)*---[ \t]*(?:#[^\n]*)?(?=\r?\n)")

_Parser: Final = getattr(yaml, "CLoader", yaml.Loader)
_DOCUMENTS_MAX: Final = 1000


class FlowText(Struct, frozen=True):
    """One flow in a file. `namespace` is None where the text leaves it to the folder. `content` tells texts apart."""

    namespace: str | None
    flow_id: str
    document: int
    content: str


class Readable(Struct, frozen=True):
    """A text that YAML can read. `flows` is empty for YAML that is no flow; `nearly` says what a text that is almost
    one lacks."""

    flows: tuple[FlowText, ...]
    nearly: str | None = None


class Unreadable(Struct, frozen=True):
    """A text of which nobody can tell whose it is, and where and why."""

    line: int
    column: int
    code: str
    message: str
    hint: str | None = None

    @classmethod
    def of_fault(cls, code: str, fault: Fault) -> "Unreadable":
        return cls(fault.line, fault.column, code, fault.message, fault.hint)

    def problem(self, path: str) -> Problem:
        return Problem(
            path=path, line=self.line, column=self.column, code=self.code, message=self.message, hint=self.hint
        )


Identity = Readable | Unreadable


def read_identity(data: bytes, blob: str) -> Identity:
    """The flows in a text. Equal bytes give an equal answer."""
    quick = _quick_identity(data, blob)
    return quick if quick is not None else _full_identity(data, blob)


def document_text(data: bytes, document: int) -> str:
    """One document of a text, with as many empty lines before it as keep its line numbers those of the file.

    Raises IndexError where there is no such document, and what YAML and UTF-8 raise for a text that was never read.
    """
    text = data.decode("utf-8-sig")
    documents = list(_documents(text))
    if len(documents) <= 1 and document == 0:
        return text
    found = documents[document]
    return "\n" * text.count("\n", 0, found.start) + text[found.start : found.end]


def _quick_identity(data: bytes, blob: str) -> Readable | None:
    """The answer for the usual block mapping; None where only YAML can tell."""
    data = b"\n" + data
    lead = _LEADING_MARK.match(data)
    start = lead.end() if lead else 0
    if _UNUSUAL.search(data, start) or (b"\r" in data and _LONE_RETURN.search(data)):
        return None
    keys = [match.group(1) for match in _ANY_KEY.finditer(data, start)]
    if len(keys) != len(set(keys)) or b"id" not in keys or b"tasks" not in keys:
        return None
    flow_id = _quick_value(_ID, data, start)
    namespace = _quick_value(_NAMESPACE, data, start)
    if flow_id is None or (namespace is None) != (b"namespace" not in keys) or not _are_names(flow_id, namespace):
        return None
    return Readable((FlowText(namespace, flow_id, 0, blob),))


def _quick_value(pattern: re.Pattern[bytes], data: bytes, start: int) -> str | None:
    match = pattern.search(data, start)
    if match is None:
        return None
    return (match.group(1) or match.group(2) or match.group(3)).decode("ascii")


class _Document(Struct):
    """Top-level keys of one document with the text of scalar values (None for others), and where its text lies."""

    values: dict[str, str | None]
    start: int
    end: int = 0


def _full_identity(data: bytes, blob: str) -> Identity:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Unreadable.of_fault("not-utf-8", utf8_fault(error, data))
    try:
        documents = list(_documents(text))
    except yaml.YAMLError as error:
        return Unreadable.of_fault("yaml-syntax", yaml_fault(error))
    if len(documents) > _DOCUMENTS_MAX:
        return Unreadable(0, 0, "too-many-documents", f"{len(documents)} documents; at most {_DOCUMENTS_MAX} are read")
    return _readable(text, documents, blob)


def _readable(text: str, documents: list[_Document], blob: str) -> Identity:
    flows, nearly = [], None
    for index, document in enumerate(documents):
        has_id, has_tasks = "id" in document.values, "tasks" in document.values
        if not (has_id and has_tasks):
            if has_id != has_tasks:
                nearly = nearly or ("tasks" if has_id else "id")
            continue
        flow_id, namespace = document.values["id"], document.values.get("namespace")
        if flow_id is None or not _are_names(flow_id, namespace or None):
            return Unreadable(
                0,
                0,
                "invalid-identity",
                f"{flow_id or 'id'} in {namespace or 'no namespace'}: not a valid id and namespace",
            )
        content = blob if len(documents) == 1 else _digest(text[document.start : document.end])
        flows.append(FlowText(namespace or None, flow_id, index, content))
    return Readable(tuple(flows), nearly)


def _documents(text: str) -> Iterator[_Document]:
    """Each document's top level, from YAML's events. Depth counts open collections; the document's own mapping is 1."""
    document, depth, in_mapping, is_key = _Document({}, 0), 0, False, False
    key: str | None = None
    for event in yaml.parse(text, Loader=_Parser):
        if isinstance(event, yaml.DocumentStartEvent):
            document, depth, in_mapping = _Document({}, _index(event.end_mark)), 0, False
        elif isinstance(event, yaml.DocumentEndEvent):
            document.end = _index(event.start_mark)
            yield document
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.NodeEvent):
            if depth == 1 and in_mapping:
                value = event.value if isinstance(event, yaml.ScalarEvent) else None
                if is_key:
                    key = value
                elif key is not None:
                    document.values.setdefault(key, value)
                is_key = not is_key
            if isinstance(event, yaml.CollectionStartEvent):
                if depth == 0:
                    in_mapping = is_key = isinstance(event, yaml.MappingStartEvent)
                depth += 1


def _index(mark: Any) -> int:
    """Where a mark stands, in characters."""
    return int(mark.index)


def _are_names(flow_id: str, namespace: str | None) -> bool:
    if len(flow_id) > FLOW_ID_LENGTH_MAX or not FLOW_ID.fullmatch(flow_id):
        return False
    return namespace is None or (len(namespace) <= NAMESPACE_LENGTH_MAX and NAMESPACE.fullmatch(namespace) is not None)


def _digest(text: str) -> str:
    return hashlib.sha256(text.strip().encode()).hexdigest()
