"""Flow tests: how each suite ended last, where they are run at syncs."""

from starlette.requests import Request
from starlette.responses import Response

from segue.web.answers import as_json
from segue.web.context import Web
from segue.web.suite_shapes import suite_json


async def search(web: Web, request: Request) -> Response:
    """Of a namespace, or of a flow, if one is named."""
    namespace, flow_id = (request.query_params.get(name) for name in ("namespace", "flowId"))
    found = [
        each
        for each in web.daemon.tested()
        if namespace in {None, each.flow.namespace} and flow_id in {None, each.flow.flow_id}
    ]
    return as_json({"results": [suite_json(each) for each in found], "total": len(found)})
