"""Circles in what depends on what."""

from collections.abc import Mapping, Sequence


def cycle_in(graph: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The first circle found, its first member again at the end; empty if there is none. What is no key is passed over."""
    done: set[str] = set()
    for start in graph:
        path: list[str] = []
        on_path: set[str] = set()
        stack: list[tuple[str, int]] = [(start, 0)]
        while stack:
            name, position = stack.pop()
            if position == 0:
                if name in done:
                    continue
                path.append(name)
                on_path.add(name)
            nexts = graph.get(name, ())
            if position == len(nexts):
                done.add(name)
                on_path.discard(path.pop())
                continue
            stack.append((name, position + 1))
            other = nexts[position]
            if other in on_path:
                return (*path[path.index(other) :], other)
            if other in graph:
                stack.append((other, 0))
    return ()
