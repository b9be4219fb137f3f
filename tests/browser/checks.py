"""What holds for every page, whoever serves it: checks that take a page of the browser and an address."""

from dataclasses import dataclass, field
from typing import Literal

from playwright.sync_api import ConsoleMessage, Page, Request

# Text that a person has to read against what is behind it, as WCAG 2 counts contrast; smaller than large text.
_CONTRAST = """
() => {
  const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (text) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = rgba(getComputedStyle(each).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const faint = new Set();
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const box = element.getBoundingClientRect();
    if (!own || box.width < 2 || element.closest("svg, .off, .off-row, .skip, .bulk, option, [hidden]")) continue;
    const one = luminance(rgba(getComputedStyle(element).color)), other = luminance(behind(element));
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) faint.add(`${element.tagName}.${element.className} "${element.textContent.trim().slice(0, 20)}" ${ratio.toFixed(2)}`);
  }
  return [...faint];
}
"""


@dataclass
class Heard:
    """What went wrong in the browser, and what it asked other hosts for."""

    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)


def listen(page: Page, base_url: str) -> Heard:
    heard = Heard()

    def on_console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            heard.errors.append(message.text)

    def on_request(request: Request) -> None:
        if not request.url.startswith((base_url, "data:", "blob:")):
            heard.strangers.append(request.url)

    page.on("console", on_console)
    page.on("pageerror", lambda error: heard.errors.append(str(error)))
    page.on("request", on_request)
    return heard


def check_ran_clean(heard: Heard, page: Page) -> None:
    """No error, nothing that the content security policy had to stop, nothing asked of another host."""
    assert heard == Heard(), page.url


def check_fits(page: Page, width: int) -> None:
    """Nothing stands out to the right."""
    page.set_viewport_size({"width": width, "height": 844})
    beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert beyond <= 0, f"{page.url} is {beyond} px too wide for {width}"


def check_readable(page: Page, scheme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=scheme)
    faint = page.evaluate(_CONTRAST)
    assert not faint, f"{page.url} {scheme}: {faint}"


def check_named(page: Page) -> None:
    """Everything that can be pressed or filled in has a name, and the page one heading of the first rank."""
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea")]
        .filter((each) => !each.closest("svg") && !(each.innerText || each.textContent || "").trim()
          && !each.getAttribute("aria-label") && !(each.labels && each.labels.length))
        .map((each) => each.outerHTML)"""
    )
    assert nameless == [], page.url
    assert page.locator("h1").count() == 1, page.url
