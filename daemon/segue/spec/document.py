"""YAML text -> plain values, with the line and column of each. Knows nothing of flows.

libyaml parses and composes the node graph in C; from it come plain values (dict, list, str, int, float, bool, None) in
one walk that also bounds depth, number of nodes with aliases written out, and duplicate keys. Places are looked up in
the node graph only when somebody asks, which is when there is a problem.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import yaml
from msgspec import Struct, field
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from segue.spec.finding import Finding, Path
from segue.spec.scalars import scalar_of
from segue.spec.unreadable import Fault, place_of_byte, too_large, utf8_fault, yaml_fault

BYTES_MAX: Final = 1024 * 1024
DEPTH_MAX: Final = 64
# A file of the largest size has fewer values than this unless it is nothing but brackets and commas.
NODES_MAX: Final = 100_000
DOCUMENTS_MAX: Final = 1000

_PLAIN: Final = "plain"  # our tag of unquoted words; what they stand for is told by `scalar_of`
_TEXT: Final = "tag:yaml.org,2002:str"
_TAG: Final = "tag:yaml.org,2002:"
_COLLECTIONS: Final = frozenset({_TAG + "map", _TAG + "seq", _TAG + "omap", _TAG + "set"})
_SCALARS: Final = frozenset({_TAG + name for name in ("int", "float", "bool", "null")})
_MERGE: Final = "<<"
_ESCAPED_DIGITS: Final = {"x": 2, "u": 4, "U": 8}
_NESTED_TOO_DEEP: Final = "exceeded maximum nesting depth"  # libyaml 0.2.6 on has a bound of its own: 1000
_OPENING: Final = re.compile(r"\{[{%#]")


class Document:
    """One YAML document: its value, what is wrong with it as YAML, and the places of everything in it. `index` is its
    number in the text, from 0, empty documents counted."""

    __slots__ = ("_root", "_text", "findings", "index", "value")

    def __init__(
        self, value: Any, root: Node | None, findings: tuple[Finding, ...] = (), index: int = 0, text: str = ""
    ) -> None:
        self.value = value
        self._text = text
        self.index = index
        self.findings = findings
        self._root = root

    def place(self, path: Path, *, at_key: bool = False) -> tuple[int, int]:
        """Line and column, from 1, of the value at the path (or of its key); of the nearest thing around it if it
        is not written there itself; (0, 0) for an empty document."""
        found = self._find(path)
        return _at(found[0 if at_key else 1]) if found else (0, 0)

    def place_inside(self, path: Path, line: int, column: int) -> tuple[int, int]:
        """Line and column in the file of a place in the text at the path, however YAML writes the text: the same
        expression is looked for in the source, and gone through up to the place."""
        found = self._find(path)
        if found is None:
            return (0, 0)
        node = found[1]
        if not isinstance(node, ScalarNode):
            return _at(node)
        start, end = node.start_mark.index, node.end_mark.index
        at = _same_place(node.value, self._text[start:end], _offset(node.value, line, column))
        if at is None:
            return _at(node)
        before = self._text[: start + at]
        return (before.count("\n") + 1, len(before) - before.rfind("\n"))

    def _find(self, path: Path) -> tuple[Node, Node] | None:
        """Key and value at the path, or of the nearest thing around; None for an empty document."""
        if self._root is None:
            return None
        node, key = self._root, self._root
        for step in path:
            found = _child(node, step)
            if found is None:
                return (node, node)
            key, node = found
        return (key, node)


def _offset(text: str, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
    return start + column - 1


def _same_place(value: str, source: str, offset: int) -> int | None:
    """Where in the source of a scalar the character stands that is at `offset` in its value. Folding, indentation and
    quoting change blanks and put characters in, but neither the braces nor their order."""
    openings = [each.start() for each in _OPENING.finditer(value, 0, offset + 2) if each.start() <= offset]
    in_source = [each.start() for each in _OPENING.finditer(source)]
    if not openings or len(openings) > len(in_source):
        return None
    here, there = openings[-1], in_source[len(openings) - 1]
    has_escapes = source[:1] == '"'
    while here < offset and there < len(source):
        if has_escapes and source[there] == "\\":
            here, there = _past_escape(source, here, there)
        elif value[here].isspace():
            here, there = _past_blanks(value, here), _past_blanks(source, there)
        elif source[there] == value[here]:
            here, there = here + 1, there + 1
        else:
            there += 1  # the second of two quotes
    return there if there < len(source) else None


def _past_escape(source: str, here: int, there: int) -> tuple[int, int]:
    kind = source[there + 1 : there + 2]
    if kind == "\n":  # a line that goes on: nothing of it is in the value
        return (here, _past_blanks(source, there + 1))
    return (here + 1, there + 2 + _ESCAPED_DIGITS.get(kind, 0))


def _past_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _child(node: Node, step: str | int) -> tuple[Node, Node] | None:
    """Key and value of one step down; the value twice in a list."""
    if isinstance(node, SequenceNode):
        return (node.value[step],) * 2 if isinstance(step, int) and step < len(node.value) else None
    if isinstance(node, MappingNode):
        return next((pair for pair in node.value if pair[0].value == step), None)
    return None


class BrokenYaml(Exception):
    """The text cannot be read as YAML, or goes past a bound."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        super().__init__(finding.message)


def read_documents(text: str | bytes) -> tuple[Document, ...]:
    """The documents of a text, empty ones left out. A text that is broken ends with a document that says so."""
    documents: list[Document] = []
    index = 0
    try:
        decoded = _decoded(text)
        for index, root in enumerate(_compose(decoded)):
            if index == DOCUMENTS_MAX:
                surplus = _broken("too-many-documents", f"more than {DOCUMENTS_MAX} documents in one file")
                return (*documents, Document(None, None, (surplus,), index))
            walk = _Walk()
            value = walk.value(root, 1)
            if value is not None or walk.findings:
                documents.append(Document(value, root, tuple(walk.findings), index, decoded))
    except BrokenYaml as broken:
        documents.append(Document(None, None, (broken.finding,), index))
    except yaml.YAMLError as error:
        documents.append(Document(None, None, (_finding_of(error, text),), index))
    return tuple(documents)


def _decoded(text: str | bytes) -> str:
    if isinstance(text, str):
        try:
            text = text.encode()
        except UnicodeEncodeError as error:
            raise BrokenYaml(_broken("not-utf-8", "the text has no UTF-8: it holds half a character")) from error
    if len(text) > BYTES_MAX:
        raise BrokenYaml(_of_fault("file-too-large", too_large(BYTES_MAX)))
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BrokenYaml(_of_fault("not-utf-8", utf8_fault(error, text))) from error


def _of_fault(code: str, fault: Fault) -> Finding:
    at = (fault.line, fault.column) if fault.line else None
    return _broken(code, fault.message, hint=fault.hint, at=at)


def _broken(code: str, message: str, *, hint: str | None = None, at: tuple[int, int] | None = None) -> Finding:
    return Finding(where=(), code=code, message=message, hint=hint, at=at)


def _at(node: Node) -> tuple[int, int]:
    return (node.start_mark.line + 1, node.start_mark.column + 1)


def _too_deep(at: tuple[int, int] | None) -> Finding:
    return _broken("too-deep", f"nested more than {DEPTH_MAX} levels deep", at=at)


def _too_many_nodes(node: Node | None) -> Finding:
    message = f"more than {NODES_MAX:,} values, aliases written out"
    hint = "repeat less: an alias of a list of aliases multiplies"
    return _broken("too-many-nodes", message, hint=hint, at=_at(node) if node else None)


class _Parser(yaml.CSafeLoader):
    """libyaml's parser with its composer. Only tells unquoted words from everything else, and counts: the
    composer goes down by recursion in C, so a text of nothing but brackets would overflow the stack."""

    _depth = 0
    _nodes = 0

    def resolve(self, kind: type[Node], _value: str | None, implicit: Any) -> str:
        if kind is ScalarNode:
            return _PLAIN if implicit[0] else _TEXT
        return _TAG + ("map" if kind is MappingNode else "seq")

    def descend_resolver(self, parent: Node | None, _index: object) -> None:
        self._depth += 1
        self._nodes += 1
        if self._depth > DEPTH_MAX and parent is not None:
            raise BrokenYaml(_too_deep(_at(parent)))
        if self._nodes > NODES_MAX:
            raise BrokenYaml(_too_many_nodes(parent))

    def ascend_resolver(self) -> None:
        self._depth -= 1


def _compose(text: str) -> Iterator[Node]:
    parser = _Parser(text)
    try:
        while parser.check_node():
            root = parser.get_node()
            assert root is not None, "there is a node when the parser says so"
            yield root
    finally:
        parser.dispose()


def _finding_of(error: yaml.YAMLError, text: str | bytes) -> Finding:
    """What libyaml says, with its place and, for the usual suspects, what to do."""
    if isinstance(error, yaml.reader.ReaderError):
        read = _decoded(text).encode()
        return _broken("yaml-syntax", "a control character is not allowed", at=place_of_byte(read, error.position))
    fault = yaml_fault(error)
    if _NESTED_TOO_DEEP in fault.message:
        return _too_deep((fault.line, fault.column) if fault.line else None)
    return _of_fault("yaml-syntax", fault)


def _given_twice(key: ScalarNode, mapping: MappingNode) -> Finding:
    first = next(each for each, _ in mapping.value if isinstance(each, ScalarNode) and each.value == key.value)
    line, _ = _at(first)
    where = f"the first is in line {line}" if line != _at(key)[0] else "both are in this line"
    return _broken("duplicate-key", f"the key '{key.value}' is given twice: {where}", at=_at(key))


class _Walk(Struct):
    """Plain values from nodes. Counts every node it makes, aliases written out."""

    findings: list[Finding] = field(default_factory=list)
    nodes: int = 0

    def value(self, node: Node, depth: int) -> Any:
        self.nodes += 1
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if depth > DEPTH_MAX:
            raise BrokenYaml(_too_deep(_at(node)))
        if self.nodes > NODES_MAX:
            raise BrokenYaml(_too_many_nodes(node))
        if node.tag not in _COLLECTIONS:
            self._refuse_tag(node)
        if isinstance(node, MappingNode):
            return self._mapping(node, depth)
        self.nodes += len(node.value)
        return [self.value(each, depth + 1) for each in node.value]

    def _scalar(self, node: ScalarNode) -> Any:
        if node.tag == _PLAIN:
            return scalar_of(node.value)
        if node.tag in _SCALARS:
            return scalar_of(node.value)
        if node.tag != _TEXT:
            self._refuse_tag(node)
        return node.value

    def _refuse_tag(self, node: Node) -> None:
        tag = node.tag.replace(_TAG, "!!")
        self.findings.append(
            _broken("yaml-tag", f"the YAML tag {tag} is not supported", hint="leave the tag out", at=_at(node))
        )

    def _mapping(self, node: MappingNode, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: list[Node] = []
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self._refuse_key(key, node)
            elif key.value == _MERGE and key.tag == _PLAIN:
                merged.append(value)
            elif key.value in result:
                self.findings.append(_given_twice(key, node))
            else:
                result[key.value] = self.value(value, depth + 1)
        for source in merged:
            self._merge(source, result, depth)
        return result

    def _refuse_key(self, key: Node, mapping: MappingNode) -> None:
        if isinstance(key, MappingNode) and mapping.flow_style:
            message, hint = "an expression must be quoted here", 'write "{{ ... }}" in quotes'
        else:
            message, hint = "a key must be a single word or text", None
        self.findings.append(_broken("yaml-key", message, hint=hint, at=_at(key)))

    def _merge(self, source: Node, into: dict[str, Any], depth: int) -> None:
        """`<<`: the keys of another map, or of several, where they are not given here."""
        given = self.value(source, depth + 1)
        sources: Iterable[Any] = given if isinstance(given, list) else [given]
        for each in sources:
            if isinstance(each, dict):
                for key, value in each.items():
                    into.setdefault(key, value)
            else:
                self.findings.append(_broken("yaml-merge", "`<<` takes a map or a list of maps", at=_at(source)))
