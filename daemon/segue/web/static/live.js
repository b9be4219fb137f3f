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
      const day = time.dataset.clock === "date" ? `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")} ` : "";
      time.textContent = day + new Intl.DateTimeFormat("en-GB", digits).format(at);
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

// Where one stands in a part: it is found again among what comes in its place, whatever came before it meanwhile.
const REACHABLE = "a[href], button, summary, input, select, textarea, [tabindex]";

function isAtEnd(element) {
  return element.scrollHeight - element.scrollTop - element.clientHeight < 40;
}

function nameOf(element) {
  return [element.tagName, element.closest("[id]")?.id, ...["href", "name", "value"].map((each) => element.getAttribute(each))].join("|");
}

function replaceParts(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (next === null || isBusy(part) || isToldOff(part, next)) continue;
    const open = new Set([...part.querySelectorAll("details[open]")].map((each) => each.id));
    for (const each of next.querySelectorAll("details")) if (open.has(each.id)) each.open = true;
    localize(next);
    showCopyButtons(next);
    if (part.innerHTML === next.innerHTML) continue;
    const point = part.contains(document.activeElement) ? nameOf(document.activeElement) : null;
    const scrolled = [...part.querySelectorAll("[data-scrolls]")].map((each) => ({ left: each.scrollLeft, top: each.scrollTop, isAtEnd: isAtEnd(each) }));
    part.replaceChildren(...next.childNodes);
    if (point !== null) [...part.querySelectorAll(REACHABLE)].find((each) => nameOf(each) === point && each.getClientRects().length > 0)?.focus({ preventScroll: true });
    part.querySelectorAll("[data-scrolls]").forEach((each, index) => {
      const was = scrolled[index];
      if (was === undefined) return;
      each.scrollLeft = was.left;
      each.scrollTop = was.isAtEnd && "follows" in each.dataset ? each.scrollHeight : was.top;
    });
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
    const follows = isAtEnd(list);
    localize(fresh);
    list.append(...lines);
    list.dataset.last = lines.at(-1).dataset.id;
    if (follows) list.scrollTop = list.scrollHeight;
    else toEnd.hidden = false;
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

// Lines follow to their end, unless one reads further up or came to see a certain one.

const lines = document.querySelector("[data-lines]");
const toEnd = document.querySelector("[data-act=to-end]");

if (lines) {
  const wanted = location.hash.startsWith("#line-") ? document.getElementById(location.hash.slice(1)) : null;
  if (wanted === null) lines.scrollTop = lines.scrollHeight;
  else lines.scrollTop = wanted.offsetTop - lines.offsetTop - lines.clientHeight / 2;
  lines.addEventListener("scroll", () => {
    if (isAtEnd(lines)) toEnd.hidden = true;
  });
  toEnd.addEventListener("click", () => {
    lines.scrollTop = lines.scrollHeight;
    lines.focus();
  });
}

for (const each of document.querySelectorAll("[data-follows]")) each.scrollTop = each.scrollHeight;

// The tab that one is on is seen, also where there is no room for all of them.

document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// A drawing that is wider than its place is first seen at its middle, where it begins.

for (const each of document.querySelectorAll(".graph")) each.scrollLeft = (each.scrollWidth - each.clientWidth) / 2;

// What was done is told once.

if (new URLSearchParams(location.search).has("done")) {
  const address = new URL(location.href);
  for (const each of ["done", "count"]) address.searchParams.delete(each);
  history.replaceState(null, "", address);
}

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
  if (bulk) countChosen(bulk);
});

function countChosen(bulk) {
  const number = bulk.querySelectorAll("input[name=id]:checked").length;
  bulk.classList.toggle("has-chosen", number > 0);
  const told = bulk.querySelector("[data-chosen]");
  if (told) write(told, number > 0 ? `${number}` : "those");
}

for (const bulk of document.querySelectorAll("[data-bulk]")) countChosen(bulk);

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

// The call that a form stands for, as it would be typed in a shell.

function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}

function valueOf(field) {
  if (field.type === "file") return field.files.length > 0 ? `@${field.files[0].name}` : "";
  if (field.type === "password") return field.value && "...";
  if (field.type === "select-multiple") {
    const chosen = [...field.selectedOptions].map((each) => each.value);
    return chosen.length > 0 ? JSON.stringify(chosen) : "";
  }
  if (field.type === "datetime-local") return field.value && `${field.value.length === 16 ? `${field.value}:00` : field.value}Z`;
  return field.value;
}

function curlOf(form, told) {
  const query = [];
  const parts = [];
  for (const field of form.elements) {
    const value = field.name ? valueOf(field) : "";
    if (field.name === "segue.labels") {
      for (const label of value.split(",")) if (label.trim()) query.push(`labels=${encodeURIComponent(label.trim())}`);
    } else if (field.name === "segue.scheduleDate") {
      if (value) query.push(`scheduleDate=${encodeURIComponent(value)}`);
    } else if (value || (field.name && field.required)) {
      const meansItself = field.type === "file" || !(/^[@<"]/.test(value) || value.includes(";"));
      parts.push(`${meansItself ? "-F" : "--form-string"} ${quoted(`${field.name}=${value || "..."}`)}`);
    }
  }
  const url = told.dataset.url + (query.length > 0 ? `?${query.join("&")}` : "");
  const login = "login" in told.dataset ? ['-H "Authorization: Bearer $SEGUE_TOKEN"'] : [];
  return [`curl -X POST ${quoted(url)}`, ...login, ...parts].join(" \\\n  ");
}

for (const form of document.querySelectorAll("form[data-told-by]")) {
  const told = document.getElementById(form.dataset.toldBy);
  const tell = () => write(told, curlOf(form, told));
  form.addEventListener("input", tell);
  tell();
}

// Copying. Browsers lend their clipboard to safe origins alone; elsewhere the old way still works.

async function copyText(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
  } catch {
    getSelection().selectAllChildren(element);
    document.execCommand("copy");
  }
}

function showCopyButtons(root) {
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
}

showCopyButtons(document);

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) {
    const word = button.textContent;
    copyText(document.getElementById(button.dataset.copy)).then(() => {
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = word), 1200);
    });
  }
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
