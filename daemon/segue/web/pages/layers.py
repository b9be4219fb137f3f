"""Layers: the tasks of a Dag in rows, each below all that it depends on. Pure; the same tasks always give the same rows.

A dependency over more than one row gets a `Way` in every row between, so that its line has a place of its own there and
crosses nothing but other lines.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import fmean

from msgspec import Struct


class Way(Struct, frozen=True):
    """The place in a row where a line passes by."""

    source: str
    target: str
    row: int


Stop = str | Way


class Layers(Struct, frozen=True):
    """`rows` from the top, `links` between stops of neighbouring rows."""

    rows: tuple[tuple[Stop, ...], ...]
    links: tuple[tuple[Stop, Stop], ...]


def layers(ids: Sequence[str], depends_on: Mapping[str, Sequence[str]]) -> Layers:
    known = set(ids)
    before = {each: tuple(dict.fromkeys(one for one in depends_on.get(each, ()) if one in known)) for each in ids}
    depths = _depths(ids, before)
    rows: list[list[Stop]] = [[] for _ in range(max(depths.values(), default=-1) + 1)]
    for each in ids:
        rows[depths[each]].append(each)
    links: list[tuple[Stop, Stop]] = []
    for target in ids:
        for source in before[target]:
            ways = [Way(source, target, row) for row in range(depths[source] + 1, depths[target])]
            for way in ways:
                rows[way.row].append(way)
            links += pairwise([source, *ways, target])
    return Layers(_untangled(rows, links), tuple(links))


def _depths(ids: Sequence[str], before: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How many tasks at most stand above each. Tasks that wait for each other (no valid flow has any) share the last
    row that can be told."""
    depths: dict[str, int] = {}
    left = list(ids)
    while left:
        ready = [each for each in left if all(one in depths for one in before[each])] or left
        below = {each: 1 + max((depths[one] for one in before[each] if one in depths), default=-1) for each in ready}
        depths |= below
        left = [each for each in left if each not in depths]
    return depths


def _untangled(rows: Sequence[Sequence[Stop]], links: Sequence[tuple[Stop, Stop]]) -> tuple[tuple[Stop, ...], ...]:
    """Each row in the order of what stands above (the barycentre rule of Sugiyama's layouts), as written where equal."""
    above: dict[Stop, list[Stop]] = {}
    for source, target in links:
        above.setdefault(target, []).append(source)
    ordered: list[tuple[Stop, ...]] = []
    places: dict[Stop, float] = {}
    for row in rows:
        wish = {stop: fmean([places[one] for one in above.get(stop, ()) if one in places] or [0.5]) for stop in row}
        ordered.append(tuple(sorted(row, key=wish.__getitem__)))
        places |= {stop: (index + 0.5) / len(row) for index, stop in enumerate(ordered[-1])}
    return tuple(ordered)
