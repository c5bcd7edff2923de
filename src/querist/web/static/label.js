// The labelling page. One idea: what a person said is kept here until the server has it, and everything else can be asked for again.

const config = JSON.parse(document.getElementById("config").textContent);
const $ = (id) => document.getElementById(id);
const PREFETCH = 3; // items leased ahead; the model knows of them, so they stay good when a new round comes
const IDLE = 30; // seconds without a sign of life that still count as work
const KEYS = [..."1234567890abcdefhijklmopqrtvwyz"]; // without the keys of the actions: g n s u x

const el = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) name in made ? (made[name] = value) : made.setAttribute(name, value);
  made.append(...children);
  return made;
};
const percent = (x) => `${(100 * x).toFixed(x > 0.995 || x < 0.1 ? 1 : 0)} %`;

// ---- what survives a reload ---------------------------------------------------------------------------------------------------

const memory = new Map(); // where a browser forbids storage
const keep = (storage) => ({
  get: (key) => { try { return storage.getItem(key); } catch { return memory.get(key) ?? null; } },
  set: (key, value) => { try { storage.setItem(key, value); } catch { memory.set(key, value); } },
  drop: (key) => { try { storage.removeItem(key); } catch { /* forbidden */ } memory.delete(key); },
  keys: () => { try { return [...Object.keys(storage), ...memory.keys()]; } catch { return [...memory.keys()]; } },
});
const local = keep(window.localStorage);
const session = keep(window.sessionStorage);
const NAME = `querist:${config.project}`;

// ---- the server ---------------------------------------------------------------------------------------------------------------

class Refused extends Error {
  constructor(status, error) {
    super([error.message, error.got && `got ${error.got}`, error.wanted && `wanted ${error.wanted}`].filter(Boolean).join("; "));
    this.status = status;
  }
  get passing() { return this.status >= 500 || this.status === 401 || this.status === 409; } // worth trying again
}

async function fetched(path, options = {}) {
  const response = await fetch(path, { ...options, signal: AbortSignal.timeout(20000) });
  if (response.ok) return response;
  let error = { message: `${response.status} ${response.statusText}` };
  try { error = (await response.json()).error; } catch { /* no JSON: a proxy in between */ }
  throw new Refused(response.status, error);
}
const get = async (path) => (await fetched(`/api/${path}`)).json();
const post = async (path, body) =>
  (await fetched(`/api/${path}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })).json();

// ---- the outbox: answers on their way, in order, each under its own key ------------------------------------------------------------

const outbox = {
  prefix: `${NAME}:out:`, count: 0, busy: false, pause: 0, timer: 0, acknowledged: new Map(),
  keys() { return local.keys().filter((key) => key.startsWith(this.prefix)).sort(); },
  has(id) { return this.keys().some((key) => JSON.parse(local.get(key) ?? "{}").body?.item === id); },
  add(path, body) {
    const key = `${this.prefix}${String(Date.now()).padStart(14, "0")}-${String(this.count++).padStart(6, "0")}-${body.key}`;
    local.set(key, JSON.stringify({ path, body }));
    this.show();
    this.flush();
  },
  async flush() {
    if (this.busy) return;
    this.busy = true;
    clearTimeout(this.timer);
    for (let key; (key = this.keys()[0]); ) {
      const { path, body } = JSON.parse(local.get(key));
      const { key: once, ...skip } = body; // only tell knows keys; a repeated skip changes nothing
      try {
        await post(path, path === "tell" ? { key: once, ...skip } : skip);
        notice("");
      } catch (error) {
        if (!(error instanceof Refused) || error.passing) {
          this.pause = Math.min(this.pause * 2 || 1, 20);
          this.timer = setTimeout(() => this.flush(), this.pause * 1000);
          if (error.status === 401) notice("The server no longer knows this browser. Open the address that it printed; your answers are kept here.");
          break;
        }
        notice(`Not accepted: ${error.message}`);
      }
      this.acknowledged.set(body.item, performance.now());
      local.drop(key);
      this.pause = 0;
    }
    this.busy = false;
    this.show();
    look(200);
    fill();
  },
  show() {
    const waiting = this.keys().length;
    $("unsaved").hidden = !waiting || !this.pause;
    $("unsaved").textContent = `unsaved: ${waiting}`;
  },
};

// ---- several windows of one person: each holds a lock on what it shows, so no two show the same -------------------------------

const claims = new Map();
const ours = new Set(); // every lock this window ever had: one that is just given back still counts as held for a moment
const lockName = (id) => `${NAME}:${who()}:${id}`;
const claim = (id) => new Promise((resolve) => {
  if (!navigator.locks) return resolve(true);
  navigator.locks.request(lockName(id), { ifAvailable: true }, (lock) => {
    resolve(Boolean(lock));
    if (!lock) return undefined;
    ours.add(lock.name);
    return new Promise((free) => claims.set(id, free));
  });
});
const unclaim = (id) => { claims.get(id)?.(); claims.delete(id); };
async function heldElsewhere() {
  if (!navigator.locks) return 0;
  const { held } = await navigator.locks.query();
  return held.filter((lock) => lock.name.startsWith(`${NAME}:${who()}:`) && !ours.has(lock.name)).length;
}

// ---- the queue: what is asked, what is shown, what was answered ----------------------------------------------------------------

const who = () => $("who").value.trim() || "anonymous";
let queue = []; // leased, not shown yet
let current = null; // { asked, given? }; given is the answer of an item that came back
let past = JSON.parse(session.get(`${NAME}:past`) ?? "[]"); // for undo
let query = null;
let shown = false;
let filling = false;
let refill = false; // asked to fill while filling
let status = null;
let goOn = false; // label on after the project is done
const contents = new Map();

async function fill() {
  if (filling) refill = true;
  if (filling || queue.length >= PREFETCH) return;
  filling = true;
  refill = false;
  const name = who();
  try {
    const since = performance.now();
    const mine = PREFETCH + 1; // held ones come first, so this never leases more; answers under way free theirs, and then it is asked again
    const answer = await post("ask", { k: Math.min(mine + (await heldElsewhere()), 1000), by: name });
    if (name !== who()) return void (refill = true);
    query = answer.query;
    for (const asked of answer.items) {
      const known = current?.asked.id === asked.id || queue.some((one) => one.id === asked.id);
      const told = outbox.has(asked.id) || (outbox.acknowledged.get(asked.id) ?? -1) > since;
      if (!known && !told && (claims.has(asked.id) || (await claim(asked.id)))) queue.push({ ...asked, round: answer.round });
    }
  } catch (error) {
    if (!current) stageMessage("No connection to the server", `${error.message}. Trying again…`);
  } finally {
    filling = false;
  }
  if (!current) next();
  queue.forEach((one) => content(one.id).catch(() => {})); // fetched ahead; what fails is fetched again when it is shown
  if (refill) fill();
}

function next() {
  if (current) return;
  const finished = status?.done?.length && !goOn;
  const asked = finished ? null : queue.shift();
  if (!asked) return finish(finished);
  current = { asked };
  show();
  fill();
}

function finish(finished) {
  shown = false;
  $("why").textContent = "";
  paintChoices();
  if (!status || outbox.keys().length) return;
  if (finished) {
    const more = el("button", { onclick: () => { goOn = true; next(); fill(); } }, "Label more anyway");
    stageMessage("Done, thank you", `${sentence(status.done.join("; "))}.`, status.done.some((why) => why.startsWith("pool")) ? null : more);
  } else if (status.updating || (status.due && status.worker.state !== "off")) {
    stageMessage("The model is choosing", "Its next questions come as soon as it has finished training.");
  } else {
    stageMessage("Nothing to ask right now", "Every item is labelled, set aside, or in somebody else's hands.");
  }
}

function stageMessage(title, text, action) {
  $("stage").replaceChildren(el("div", { className: "end" }, el("h2", {}, title), el("p", { className: "quiet" }, text), ...(action ? [action] : [])));
}

function done(given, path, body, words) {
  if (!current || !shown) return;
  const { asked } = current;
  outbox.add(path, { item: asked.id, by: who(), key: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, ...body });
  leave(given);
  $("said").textContent = words;
}

function leave(given) {
  const { asked } = current;
  past = [...past.filter((one) => one.asked.id !== asked.id), { asked, given }].slice(-50);
  session.set(`${NAME}:past`, JSON.stringify(past));
  current = null;
  unclaim(asked.id);
  paintStatus();
  next();
  fill();
}

const tell = (value) => done(value, "tell", { value, seconds: clock.stop() }, `${value}.`);
const skip = (reason, never, words) => done(null, "skip", { reason, never }, words);

function undo() {
  const last = past.pop();
  if (!last) return;
  session.set(`${NAME}:past`, JSON.stringify(past));
  if (current && !current.given) queue.unshift(current.asked);
  current = { asked: last.asked, given: last.given ?? "" };
  claim(last.asked.id);
  show();
  $("said").textContent = last.given ? `Back. You said ${last.given}.` : "Back. You had passed it over.";
}

// ---- active time ---------------------------------------------------------------------------------------------------------------------

const clock = {
  sum: 0, last: 0,
  start() { this.sum = 0; this.last = performance.now(); },
  beat() {
    const now = performance.now();
    this.sum += Math.min((now - this.last) / 1000, IDLE);
    this.last = now;
  },
  stop() { this.beat(); return Math.round(this.sum * 1000) / 1000; },
};
for (const kind of ["keydown", "pointerdown", "pointermove", "wheel", "scroll"]) addEventListener(kind, () => clock.beat(), { passive: true, capture: true });
document.addEventListener("visibilitychange", () => {
  document.hidden ? clock.beat() : (clock.last = performance.now()); // time in the background is not work
  if (!document.hidden) look(0);
});

// ---- showing an item -----------------------------------------------------------------------------------------------------------------

const address = (id) => `/items/${id.split("/").map((part) => encodeURIComponent(part)).join("/")}`;

function content(id) {
  if (!contents.has(id)) {
    const loading = load(address(id));
    contents.set(id, loading);
    loading.catch(() => contents.delete(id));
    if (contents.size > 40) contents.delete(contents.keys().next().value);
  }
  return contents.get(id);
}

async function load(path) {
  const response = await fetched(path);
  const kind = response.headers.get("Content-Type") ?? "";
  if (kind.startsWith("application/json")) {
    const { parts } = await response.json();
    return (await Promise.all(parts.map((part) => load(`${path}?part=${encodeURIComponent(part)}`)))).flat();
  }
  if (!kind.startsWith("image/")) return [{ text: await response.text() }];
  return [{ url: URL.createObjectURL(await response.blob()) }];
}

async function show() {
  const { asked } = current;
  shown = false;
  paintWhy(asked);
  paintChoices();
  $("undo").disabled = !past.length;
  try {
    const nodes = await Promise.all((await content(asked.id)).map(node));
    if (current?.asked !== asked) return;
    $("stage").replaceChildren(...nodes);
    $("stage").scrollTop = 0;
  } catch (error) {
    if (current?.asked !== asked) return;
    if (!(error instanceof Refused) || error.passing) {
      stageMessage("No connection to the server", "The item comes as soon as it is back.");
      setTimeout(() => current?.asked === asked && show(), 2000);
      return;
    }
    stageMessage("This item cannot be shown", `${asked.id}: ${error.message}. Press x to set it aside.`);
  }
  shown = true;
  clock.start();
}

async function node({ url, text }) {
  if (url === undefined) return el("p", { className: /^[\d\s.,e+-]+$/.test(text) ? "text numbers" : "text" }, text);
  const image = el("img", { alt: `Item ${current.asked.id}`, src: url });
  try { await image.decode(); } catch { throw new Refused(424, { message: "the browser cannot decode this picture" }); }
  const tiny = Math.max(image.naturalWidth, image.naturalHeight) <= 160;
  image.classList.toggle("tiny", tiny); // single pixels stay crisp
  const most = tiny ? 20 : 4; // larger is not clearer
  Object.assign(image.style, { maxWidth: `min(100%, ${most * image.naturalWidth}px)`, maxHeight: `min(100%, ${most * image.naturalHeight}px)` });
  return image;
}

function paintWhy(asked) {
  const source = {
    ranking: `the model's pick ${asked.rank + 1}`, reserve: "from the model's reserve", random: "picked at random", held: "kept for you",
  }[asked.source] ?? asked.source;
  const where = asked.source === "held" ? source : asked.round === 0 && asked.source !== "random" ? "random start, before there is a model" : `${source}, round ${asked.round}`;
  const note = asked.note && !/^random/.test(asked.note) ? asked.note : null;
  const score = asked.score !== null && asked.score !== 0 && !note?.includes("score") ? `score ${Number(asked.score).toPrecision(3)}` : null;
  $("why").replaceChildren("Why this one: ", el("b", {}, [where, note, score].filter(Boolean).join(" · ")), ` · ${asked.id}`);
}

// ---- the answers ---------------------------------------------------------------------------------------------------------------------

let names = config.schema.classes.filter((one) => !one.retired).map((one) => one.name);

function paintChoices() {
  const counts = new Map((status?.classes ?? []).map((one) => [one.name, one.count]));
  const most = Math.max(1, ...counts.values());
  const wanted = $("find").value.trim().toLowerCase();
  $("find").hidden = names.length <= 12;
  $("choices").classList.toggle("many", names.length > 7);
  if ($("choices").children.length !== names.length) {
    $("choices").replaceChildren(...names.map((name, place) => el("button", { className: "choice", onclick: () => tell(name) },
      el("kbd", {}, KEYS[place] ?? ""), el("span", { className: "name" }, name), el("span", { className: "sure" }), el("span", { className: "count" }), el("i", { className: "share" }))));
  }
  const guess = $("guess").checked ? current?.asked.guess : null;
  names.forEach((name, place) => {
    const button = $("choices").children[place];
    const count = counts.get(name) ?? 0;
    button.querySelector(".name").textContent = name;
    button.querySelector(".count").textContent = count || "";
    button.querySelector(".count").title = `${count} labelled`;
    button.querySelector(".share").style.width = `${(100 * count) / most}%`;
    button.querySelector(".sure").textContent = guess?.value === name ? `guess, ${percent(guess.confidence)}` : "";
    button.classList.toggle("guess", guess?.value === name);
    button.classList.toggle("given", current?.given === name);
    button.setAttribute("aria-pressed", String(current?.given === name));
    button.disabled = !current;
    button.hidden = Boolean(wanted) && !name.toLowerCase().includes(wanted);
  });
  for (const id of ["skip", "unsure", "never"]) $(id).disabled = !current;
  $("undo").disabled = !past.length;
}

// ---- beside the item -----------------------------------------------------------------------------------------------------------------

let looking = 0;
function look(after) {
  clearTimeout(looking);
  looking = setTimeout(async () => {
    try {
      status = await get("status");
      const fresh = status.classes.map((one) => one.name);
      if (fresh.join("\n") !== names.join("\n")) { names = fresh; $("choices").replaceChildren(); }
      paintStatus();
      if (!current && !filling) queue.length ? next() : (finish(status.done.length && !goOn), fill());
      if (outbox.keys().length) outbox.flush();
    } catch (error) {
      if (error.status === 401) notice("The server no longer knows this browser. Open the address that it printed; your answers are kept here.");
    }
    look(document.hidden ? 15000 : 2500);
  }, after);
}

function paintStatus() {
  if (!status) return;
  const budget = /^\d+$/.test(String(status.budget ?? "")) ? Number(status.budget) : null;
  const of = budget ?? status.items;
  const saved = budget ? status.answered : status.labelled;
  const hours = typeof status.budget === "string" && status.budget.endsWith("h") ? ` · ${status.hours.toFixed(1)} of ${status.budget}` : "";
  const spent = Object.values(status.spent ?? {}).map((paid) => ` · ${paid.toLocaleString()} of ${status.budget}`).join("");
  $("progress").textContent = `${saved.toLocaleString()} of ${of.toLocaleString()}${budget ? " in the budget" : " items"} labelled${hours}${spent}`;
  $("bar").firstElementChild.style.width = `${Math.min(100, (100 * saved) / Math.max(of, 1))}%`;
  $("bar").setAttribute("aria-valuenow", String(Math.round((100 * saved) / Math.max(of, 1))));
  const last = status.curve.at(-1);
  $("model").textContent = last
    ? `Round ${status.round}, trained on ${last.labels} labels. ${behind(status.behind)}`
    : `No model yet: it learns from the first labels. ${status.behind ? `${status.behind} so far.` : ""}`;
  paintTraining();
  paintCurve();
  paintChoices();
}

const behind = (n) => (n === 0 ? "Up to date." : `It is ${n} label${n === 1 ? "" : "s"} behind.`);
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function paintTraining() {
  const { state, phase, fraction, why } = status.worker;
  const words = { train: "Training", score: "Looking through the pool", select: "Choosing", evaluate: "Testing", features: "Reading the items" };
  const text = state === "training" ? `${words[phase] ?? sentence(phase ?? "training")}… ${percent(fraction)}` : why ?? (status.updating ? "Training…" : "");
  $("training").hidden = !text;
  $("training").classList.toggle("bad", state === "failed");
  $("training").firstElementChild.textContent = text;
  $("training").lastElementChild.hidden = state !== "training";
  $("training").lastElementChild.firstElementChild.style.width = `${100 * (fraction ?? 0)}%`;
}

function paintCurve() {
  const tested = status.curve.some((one) => one.accuracy !== null);
  const points = status.curve
    .map((one) => ({ x: one.labels, y: tested ? one.accuracy : one.asked ? one.agreed / one.asked : null, n: one.asked }))
    .filter((one) => one.y !== null);
  $("curve").hidden = !points.length;
  if (!points.length) return;
  const [left, right, top, bottom] = [34, 308, 12, 98];
  const most = Math.max(...points.map((one) => one.x));
  const low = Math.max(0, Math.floor(Math.min(...points.map((one) => one.y)) * 5 - 0.001) / 5);
  const x = (value) => left + ((right - left) * value) / most;
  const y = (value) => bottom - ((bottom - top) * (value - low)) / (1 - low || 1);
  const svg = (tag, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const path = points.map((one, place) => `${place ? "L" : "M"}${x(one.x).toFixed(1)} ${y(one.y).toFixed(1)}`).join(" ");
  const last = points.at(-1);
  const label = `${tested ? "Accuracy on the test items" : "Right about"} ${percent(last.y)} ${tested ? "" : "of what it asked "}after ${last.x} labels`;
  const board = $("curve").firstElementChild;
  board.setAttribute("aria-label", label);
  board.replaceChildren(
    ...[low, (low + 1) / 2, 1].flatMap((value) => [
      svg("line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) }),
      svg("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, `${Math.round(100 * value)}`)]),
    svg("text", { x: left, y: 116 }, "0"), svg("text", { x: right, y: 116, "text-anchor": "end" }, `${most} labels`),
    ...(points.length > 1 ? [svg("path", { class: "area", d: `${path} L${x(last.x)} ${bottom} L${x(points[0].x)} ${bottom} Z` }), svg("path", { class: "line", d: path })] : []),
    ...points.map((one, place) => svg("circle", { class: place === points.length - 1 ? "dot last" : "dot", cx: x(one.x), cy: y(one.y), r: points.length > 25 ? 1.5 : 3.2 })),
    svg("text", { class: "value", x: x(last.x), y: Math.max(y(last.y) - 8, 9), "text-anchor": "end" }, percent(last.y)));
  $("curve").lastElementChild.textContent = tested
    ? "Accuracy on the test items, by labels."
    : "How often it was right about what it asked. It asks what it finds hard, so this says little about the rest.";
}

function notice(text) {
  $("notice").hidden = !text;
  $("notice").textContent = text;
}

// ---- hands ---------------------------------------------------------------------------------------------------------------------------------

const actions = {
  s: () => skip("later", false, "Later."),
  n: () => skip("unsure", false, "Not sure."),
  x: () => skip("unfit", true, "Set aside for ever."),
  u: undo,
  g: () => { $("guess").click(); },
  "?": () => $("help").showModal(),
  "/": () => { if (!$("find").hidden) $("find").focus(); },
  Backspace: undo,
  Enter: () => { if (current?.given !== undefined) leave(current.given); },
};

addEventListener("keydown", (event) => {
  if ($("help").open) return;
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z" && event.target.tagName !== "INPUT") {
    event.preventDefault();
    return undo();
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const typing = event.target.tagName === "INPUT" && event.target.type !== "checkbox";
  if (typing) return;
  if (event.key === "Enter" && event.target.tagName === "BUTTON") return; // presses the button
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const place = KEYS.indexOf(key);
  if (actions[key]) actions[key]();
  else if (place >= 0 && place < names.length) tell(names[place]);
  else return;
  event.preventDefault();
});
for (const [id, key] of [["undo", "u"], ["skip", "s"], ["unsure", "n"], ["never", "x"], ["ask-help", "?"]]) $(id).addEventListener("click", () => actions[key]());
$("find").addEventListener("input", paintChoices);
$("find").addEventListener("keydown", (event) => {
  if (event.key === "Enter") [...$("choices").children].find((button) => !button.hidden)?.click();
  if (event.key === "Enter" || event.key === "Escape") { $("find").value = ""; $("find").blur(); paintChoices(); }
});
$("guess").checked = local.get("querist:guess") === "on";
$("guess").addEventListener("change", () => { local.set("querist:guess", $("guess").checked ? "on" : "off"); paintChoices(); $("guess").blur(); });
$("who").value = local.get("querist:who") ?? "";
$("who").addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === "Escape") $("who").blur(); });
$("who").addEventListener("change", async () => { // somebody else sits down: what was held goes back
  local.set("querist:who", $("who").value.trim());
  [...claims.keys()].forEach(unclaim);
  queue = [];
  current = null;
  past = [];
  session.drop(`${NAME}:past`);
  if (query) await post("release", { query }).catch(() => {});
  fill();
});
addEventListener("online", () => outbox.flush());
addEventListener("storage", () => outbox.show());
addEventListener("beforeunload", (event) => { if (outbox.pause && outbox.keys().length) event.preventDefault(); });

paintChoices();
look(0);
outbox.flush();
fill();
