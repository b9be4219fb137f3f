"""Health and figures, for those who watch over the daemon."""

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from segue.web.answers import as_json
from segue.web.context import Web
from segue.web.ports.health import Sample


async def health(web: Web, _: Request) -> Response:
    """200 while every part works."""
    state = web.daemon.health()
    body = {"status": "UP" if state.is_healthy else "DOWN", "parts": dict(state.parts), "version": web.daemon.version}
    return as_json(body, 200 if state.is_healthy else 503)


async def ready(web: Web, _: Request) -> Response:
    """200 once flows are live and requests are taken."""
    is_ready = web.daemon.health().is_ready
    return as_json({"ready": is_ready}, 200 if is_ready else 503)


async def metrics(web: Web, _: Request) -> Response:
    text = prometheus_text(web.daemon.samples())
    return Response(text, media_type="text/plain; version=0.0.4")


async def configs(web: Web, _: Request) -> Response:
    """What Kestra's clients ask for first."""
    return as_json({"version": web.daemon.version, "edition": "OSS", "isBasicAuthInitialized": True})


def prometheus_text(samples: Iterable[Sample]) -> str:
    """Samples in Prometheus' text format; those of one name stand together under its help."""
    by_name: dict[str, list[Sample]] = {}
    for sample in samples:
        by_name.setdefault(sample.name, []).append(sample)
    lines: list[str] = []
    for name, group in by_name.items():
        lines += [f"# HELP {name} {group[0].help}", f"# TYPE {name} {group[0].kind}"]
        lines += [f"{name}{_labels(sample)} {sample.value:.17g}" for sample in group]
    return "\n".join([*lines, ""])


def _labels(sample: Sample) -> str:
    if not sample.labels:
        return ""
    return "{" + ",".join(f'{key}="{_escaped(value)}"' for key, value in sample.labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
