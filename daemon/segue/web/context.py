"""Context: what every endpoint is given beside its request."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from segue.git.webhook import ReplayGuard
from segue.model.execution import Execution
from segue.model.revision import FlowKey
from segue.web.access import Access
from segue.web.answers import found
from segue.web.ports.daemon import Daemon
from segue.web.ports.flows import LiveFlow
from segue.web.ports.reads import Reads
from segue.web.ports.sources import Sources
from segue.web.ports.storage import Files
from segue.web.settings import WebSettings

P = ParamSpec("P")
T = TypeVar("T")


class Ports(Struct, frozen=True):
    """All four, as `create_app` takes them."""

    daemon: Daemon
    reads: Reads
    sources: Sources
    files: Files


class Web(Struct, frozen=True):
    """The ports, the settings, and who may come in."""

    ports: Ports
    settings: WebSettings
    access: Access
    deliveries: ReplayGuard

    @property
    def daemon(self) -> Daemon:
        return self.ports.daemon

    @property
    def reads(self) -> Reads:
        return self.ports.reads

    @property
    def sources(self) -> Sources:
        return self.ports.sources

    @property
    def files(self) -> Files:
        return self.ports.files

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call one of `reads`, `sources` or `files` in a thread: the loop never waits for a disk."""
        return await run_in_threadpool(function, *args, **kwargs)

    async def execution(self, execution_id: str) -> Execution:
        """Live, else stored, with its task runs; raises a 404."""
        live = await self.daemon.live_execution(execution_id)
        if live is not None:
            return live
        return found(await self.read(self.reads.execution, execution_id), f"execution {execution_id}")

    async def execution_alone(self, execution_id: str) -> Execution:
        """Live, else stored without its task runs; raises a 404."""
        live = await self.daemon.live_execution(execution_id)
        if live is not None:
            return live
        return found(await self.read(self.reads.execution_alone, execution_id), f"execution {execution_id}")

    def flow(self, key: FlowKey) -> LiveFlow:
        return found(self.daemon.flow(key), f"flow {key}")

    def url_of(self, execution: Execution) -> str:
        """Where people see it."""
        return f"{(self.settings.url or '').rstrip('/')}/executions/{execution.id}"


Endpoint = Callable[[Web, Request], Awaitable[Response]]


def flow_key(request: Request) -> FlowKey:
    """The flow that the path names."""
    return FlowKey(request.path_params["namespace"], request.path_params["flow_id"])
