"""Descriptions as Markdown: what is marked up, and what stays text."""

import pytest
from segue.web.pages.markdown import described, gist

CASES = {
    "paragraphs": ("one\n\ntwo", "<p>one</p>\n<p>two</p>"),
    "code": ("run `make <x>`", "<p>run <code>make &lt;x&gt;</code></p>"),
    "emphasis": ("**now** or *then*", "<p><strong>now</strong> or <em>then</em></p>"),
    "list": ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
    "numbered list": ("1. a\n2. b", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>"),
    "block of code": ("```sh\necho <1>\n```", '<pre><code class="language-sh">echo &lt;1&gt;\n</code></pre>'),
    "heading": ("# Why", '<p class="heading">Why</p>'),
    "link": (
        "[docs](https://example.org/?a=1&b=2)",
        '<p><a href="https://example.org/?a=1&amp;b=2" rel="noopener noreferrer nofollow">docs</a></p>',
    ),
    "HTML": ("<b onclick=x()>hi</b>", "<p>&lt;b onclick=x()&gt;hi&lt;/b&gt;</p>"),
    "HTML of its own": ("<script>\nalert(1)\n</script>", "<p>&lt;script&gt;\nalert(1)\n&lt;/script&gt;</p>"),
    "image": ("![x](https://example.org/x.png)", None),
    "expression": ("{{ inputs.x }}", "<p>{{ inputs.x }}</p>"),
    "terminal escape": ("\x1b[31mred", "<p>red</p>"),
}


@pytest.mark.parametrize(("text", "html"), CASES.values(), ids=CASES.keys())
def test_a_description_is_marked_up(text: str, html: str | None) -> None:
    if html is None:
        assert "<img" not in described(text)
    else:
        assert described(text).strip() == html


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "//evil.org",
        "/logout",
        "&#106;avascript:x",
    ],
)
def test_a_link_leads_to_the_web_or_is_text(address: str) -> None:
    assert "<a" not in described(f"[x]({address})")
    assert "<a" not in described(f"[x](<{address}>)")


def test_a_quote_does_not_leave_the_address_of_a_link() -> None:
    html = described('[x](https://a.org/"onmouseover=alert(1) "t")')
    assert "onmouseover" not in html or '"onmouseover' not in html


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Loads `orders` **daily**\nand more", "Loads orders daily"),
        ("# Title\n\ntext", "Title"),
        ("see [docs](https://example.org)", "see docs"),
        ("x" * 200, "x" * 139 + "…"),
        ("", ""),
    ],
)
def test_the_gist_is_the_first_line_in_plain_words(text: str, said: str) -> None:
    assert gist(text) == said


def test_hostile_nesting_is_read_in_no_time() -> None:
    assert described("*" * 20_000 + "a" + "[" * 10_000)
