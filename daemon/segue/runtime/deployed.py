"""Which flows are live: one frozen set, switched whole when a commit is applied, and plans of older revisions.

A reader takes the set once and sees one commit's world: all old or all new.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from segue.engine.plan import Plan
from segue.model.execution import Execution
from segue.model.flow import Flow
from segue.model.problem import Problem
from segue.model.revision import FlowKey, Revision
from segue.spec.ties import Ties

PLANS_KEPT_MAX = 1024
WORLDS_KEPT_MAX = 32


class Deployed(Struct, frozen=True):
    """A revision that can run: its flow and the flow's plan, and what it has to do with others."""

    flow: Flow
    plan: Plan
    revision: Revision
    ties: Ties | None = None

    @property
    def key(self) -> FlowKey:
        return self.revision.key

    def part(self, loop_id: str) -> "Deployed | None":
        """What an iteration of that Loop runs of it; None if there is no such Loop (any more)."""
        plan = self.plan.loops.get(loop_id)
        return None if plan is None else replace(self, flow=plan.flow, plan=plan)


class Deployment(Struct, frozen=True, kw_only=True):
    """The world at a commit. `problems` are of newer texts that are not live, by flow where one can be told. `behind`
    are flows whose text at the commit is broken, so that their last good revision is live."""

    commit: str = ""
    flows: Mapping[FlowKey, Deployed] = field(default_factory=dict)
    behind: frozenset[FlowKey] = frozenset()
    problems: tuple[Problem, ...] = ()
    problems_by_flow: Mapping[FlowKey, tuple[Problem, ...]] = field(default_factory=dict)

    def find(self, namespace: str, flow_id: str) -> Deployed | None:
        return self.flows.get(FlowKey(namespace, flow_id))

    def commit_for(self, deployed: Deployed) -> str:
        """The commit that an execution of this revision is pinned to: this one, where it holds the revision's text;
        else the revision's own, so that what an execution's commit holds is always what ran."""
        is_here = self.flows.get(deployed.key) is deployed and deployed.key not in self.behind
        return self.commit if is_here else deployed.revision.commit_id


class Revisions:
    """Plans by flow and number: the live ones at hand, older ones read from Git when an execution needs them."""

    def __init__(
        self,
        read: Callable[[FlowKey, int], Deployed | None],
        read_at: Callable[[FlowKey, str], Deployed | None] = lambda _key, _commit: None,
    ) -> None:
        self.live = Deployment()
        self._read = read
        self._read_at = read_at
        self._found_at: OrderedDict[tuple[FlowKey, str], Deployed | None] = OrderedDict()
        self._worlds: OrderedDict[str, Mapping[FlowKey, Deployed]] = OrderedDict()
        self._older: OrderedDict[tuple[FlowKey, int], Deployed] = OrderedDict()

    def switch(self, deployment: Deployment) -> None:
        """Make another world the live one. What goes stays at hand: executions of it may be running."""
        for deployed in self.live.flows.values():
            successor = deployment.flows.get(deployed.key)
            if successor is not deployed:
                self._keep(deployed)
        if self.live.commit:
            self._worlds[self.live.commit] = self.live.flows
            self._worlds.move_to_end(self.live.commit)
        while len(self._worlds) > WORLDS_KEPT_MAX:
            self._worlds.popitem(last=False)
        self.live = deployment

    def at(self, key: FlowKey, commit: str) -> Deployed | None:
        """The revision of a flow that was live at a commit: one commit, one world."""
        if commit == self.live.commit:
            return self.live.flows.get(key)
        world = self._worlds.get(commit)
        if world is not None:
            return world.get(key)
        if (key, commit) not in self._found_at:
            self._found_at[key, commit] = self._read_at(key, commit)
            while len(self._found_at) > PLANS_KEPT_MAX:
                self._found_at.popitem(last=False)
        return self._found_at[key, commit]

    def find(self, key: FlowKey, number: int) -> Deployed | None:
        """That revision; None if Git has it no more, or nobody can read it any longer."""
        live = self.live.flows.get(key)
        if live is not None and live.revision.number == number:
            return live
        kept = self._older.get((key, number)) or self._read(key, number)
        if kept is not None:
            self._keep(kept)
        return kept

    def of(self, execution: Execution) -> Deployed | None:
        """What the execution runs: the revision, or of an iteration the part of it that is its Loop's. That is found by
        the Loop's id, so nothing has to be remembered for it over a restart."""
        return self.in_place_of(execution, execution.revision)

    def in_place_of(self, execution: Execution, number: int) -> Deployed | None:
        """The same in another revision of the flow."""
        whole = self.find(FlowKey(execution.namespace, execution.flow_id), number)
        if whole is None or execution.loop_run is None:
            return whole
        return whole.part(execution.loop_run.task_id)

    def _keep(self, deployed: Deployed) -> None:
        self._older[deployed.key, deployed.revision.number] = deployed
        self._older.move_to_end((deployed.key, deployed.revision.number))
        while len(self._older) > PLANS_KEPT_MAX:
            self._older.popitem(last=False)
