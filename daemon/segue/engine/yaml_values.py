"""YAML that a caller gives as a value: read with YAML 1.2's scalars, and bounded against documents that grow when
their aliases are followed. The flow's own YAML is `spec.document`'s."""

from typing import Any, Final

import yaml

from segue.spec.scalars import scalar_of

TEXT_MAX: Final = 1 << 18
NODES_MAX: Final = 100_000
DEPTH_MAX: Final = 100

_QUOTED: Final = frozenset({"'", '"', "|", ">"})


class NotYaml(ValueError):
    """The text is no YAML, or too large a one."""


def read_yaml(text: str) -> Any:
    """The plain value of the one document in the text."""
    if len(text) > TEXT_MAX:
        raise NotYaml(f"it has more than {TEXT_MAX} characters")
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise NotYaml(str(error)) from error
    except RecursionError as error:
        raise NotYaml("it is nested too deeply") from error
    return None if root is None else _Reading().value(root, 0)


class _Reading:
    """Counts nodes as often as aliases repeat them."""

    def __init__(self) -> None:
        self._left = NODES_MAX

    def value(self, node: yaml.Node, depth: int) -> Any:
        self._left -= 1
        if self._left < 0:
            raise NotYaml(f"it has more than {NODES_MAX} values")
        if depth > DEPTH_MAX:
            raise NotYaml(f"it is nested deeper than {DEPTH_MAX} levels")
        if isinstance(node, yaml.MappingNode):
            return {self._key(key): self.value(each, depth + 1) for key, each in node.value}
        if isinstance(node, yaml.SequenceNode):
            return [self.value(each, depth + 1) for each in node.value]
        assert isinstance(node, yaml.ScalarNode)
        return _scalar(node)

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise NotYaml("a key must be a scalar")
        return str(node.value)


def _scalar(node: yaml.ScalarNode) -> Any:
    text: str = node.value
    return text if node.style in _QUOTED else scalar_of(text)
