// Keeps the page fresh, and small comforts. Everything works without it, only not by itself.
// One event stream tells *that* something changed; the page is then fetched again and its parts marked `data-live`
// are put in the place of the old ones. Log lines are only ever added.

const body = document.body;

// Times: in the browser's own zone, told in the footer; relative ones go on counting.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

function lasting(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${Math.max(0, seconds).toFixed(1)} s`;
  const whole = Math.floor(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

function ago(milliseconds) {
  const distance = Math.abs(milliseconds) / 1000;
  if (distance < 5) return milliseconds >= 0 ? "just now" : "now";
  const [size, unit] = distance >= 86400 ? [86400, "d"] : distance >= 3600 ? [3600, "h"] : distance >= 60 ? [60, "min"] : [1, "s"];
  const text = `${Math.floor(distance / size)} ${unit}`;
  return milliseconds > 0 ? `${text} ago` : `in ${text}`;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function localize(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    time.title = `${exact.format(at)} (${zone})`;
    if ("clock" in time.dataset) {
      const digits = { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" };
      time.textContent = new Intl.DateTimeFormat("en-GB", digits).format(at);
    }
  }
}

function count() {
  const now = Date.now();
  for (const time of document.querySelectorAll("time[data-relative]")) write(time, ago(now - new Date(time.dateTime)));
  for (const span of document.querySelectorAll("[data-since]")) write(span, lasting(now - new Date(span.dataset.since)));
}

localize(document);
for (const note of document.querySelectorAll("[data-zone]")) note.textContent = `Times in ${zone}`;
setInterval(count, 1000);

// Fresh parts.

const FRESH_MS = 700; // between two looks, whatever rings; longer where a look costs the daemon much
const REST_FACTOR = 8;
let pause = FRESH_MS;
let looking = false;
let again = false;
let lastLook = 0;
let isOver = false;

async function refresh() {
  if (looking) {
    again = true;
    return;
  }
  looking = true;
  await new Promise((done) => setTimeout(done, Math.max(0, lastLook + pause - Date.now())));
  lastLook = Date.now();
  try {
    await addLines();
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok) replaceParts(new DOMParser().parseFromString(await answer.text(), "text/html"));
    if (isOver) await addLines(); // what was said between the last look and the end
    pause = Math.max(FRESH_MS, REST_FACTOR * (Date.now() - lastLook));
  } catch {
    // The daemon is away; the event stream says when it is back.
  }
  looking = false;
  if (again) {
    again = false;
    refresh();
  }
}

function isChanged(field) {
  if (field.matches("select")) return [...field.options].some((each) => each.selected !== each.defaultSelected) && field.value !== "";
  return field.type === "checkbox" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;
}

function isBusy(part) {
  const active = document.activeElement;
  const isFilled = [...part.querySelectorAll("input:not([type=hidden]), select, textarea")].some(isChanged);
  return isFilled || (part.contains(active) && active.matches("input, select, textarea"));
}

// What was wrong with an answer stays to be read for as long as the question stands.
function isToldOff(part, next) {
  return part.querySelector(".wrong, .said") !== null && next.querySelector("form") !== null;
}

function replaceParts(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (next === null || isBusy(part) || isToldOff(part, next)) continue;
    const open = new Set([...part.querySelectorAll("details[open]")].map((each) => each.id));
    for (const each of next.querySelectorAll("details")) if (open.has(each.id)) each.open = true;
    localize(next);
    if (part.innerHTML === next.innerHTML) continue;
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const way = focused === null ? null : focused.closest("[id]")?.id;
    part.replaceChildren(...next.childNodes);
    if (way && way !== part.id) document.getElementById(way)?.querySelector("summary, a, button")?.focus();
  }
  if (fresh.title) document.title = fresh.title;
  isOver = body.dataset.execution !== "" && fresh.body.dataset.execution === "";
  if (isOver) close();
}

async function addLines() {
  const list = document.querySelector("[data-lines]");
  if (list === null || new URLSearchParams(location.search).has("before")) return;
  for (;;) {
    const answer = await fetch(`${list.dataset.lines}&after=${list.dataset.last}`);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const lines = [...fresh.querySelectorAll("li[data-id]")];
    if (!answer.ok || lines.length === 0) return;
    const follows = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    localize(fresh);
    list.append(...lines);
    list.dataset.last = lines.at(-1).dataset.id;
    if (follows) list.scrollTop = list.scrollHeight;
  }
}

// The event stream.

const pulse = document.querySelector("[data-pulse]");
let events = null;

function listen() {
  const query = new URLSearchParams();
  if (body.dataset.topics) query.set("topics", body.dataset.topics);
  if (body.dataset.execution) query.set("execution", body.dataset.execution);
  if (query.size === 0) return;
  events = new EventSource(`/events?${query}`);
  events.addEventListener("listening", () => {
    if (pulse) pulse.hidden = false;
    refresh(); // what was missed before the line was up, or while it was down
  });
  events.addEventListener("changed", refresh);
  events.addEventListener("error", () => {
    if (pulse) pulse.hidden = true;
  });
}

function close() {
  events?.close();
  body.dataset.execution = "";
  if (pulse) pulse.hidden = true;
}

listen();
const lines = document.querySelector("[data-lines]");
if (lines) lines.scrollTop = lines.scrollHeight;

// Comforts.

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches?.("input, select, textarea");
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const search = document.querySelector("[data-search]");
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  }
  if (event.key === "Escape" && isTyping) event.target.blur();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && "enter" in event.target.dataset) event.target.form.requestSubmit();
});

document.addEventListener("change", (event) => {
  if ("submit" in event.target.dataset) event.target.form.requestSubmit();
  if ("pickAll" in event.target.dataset) {
    for (const box of event.target.closest("table").querySelectorAll("input[name=id]")) box.checked = event.target.checked;
  }
  const bulk = event.target.closest("[data-bulk]");
  if (bulk) bulk.classList.toggle("has-chosen", bulk.querySelector("input[name=id]:checked") !== null);
});

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.ask;
  if (question && !confirm(question)) event.preventDefault();
  if (!event.defaultPrevented && "within" in event.target.dataset) {
    event.preventDefault();
    answerWithin(event.target);
  }
});

// A form whose answer is one part of the page that it would lead to: that part is put in the place of the old one.
async function answerWithin(form) {
  const part = document.getElementById(form.dataset.within);
  part.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = fresh.getElementById(part.id) ?? fresh.querySelector("main");
    part.replaceChildren(...next.childNodes);
  } catch {
    part.textContent = "The daemon does not answer.";
  }
  part.removeAttribute("aria-busy");
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-act=theme]")) {
    const root = document.documentElement;
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
    document.cookie = `segue_theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=strict`;
  }
  const copy = event.target.closest("pre.copy");
  if (copy && navigator.clipboard && getSelection().isCollapsed) {
    navigator.clipboard.writeText(copy.textContent);
    copy.classList.add("copied");
    setTimeout(() => copy.classList.remove("copied"), 1200);
  }
});
