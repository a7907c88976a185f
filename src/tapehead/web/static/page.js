// The page around the player: choose a model or a file, ask, and show errors.

import { mount } from "/player/player.js";
import { capitalize, make } from "/player/dom.js";

const MAX_BYTES = 64 * 2 ** 20;
const at = (id) => document.getElementById(id);
let player = null, models = [], data = null, latest = 0;

/** Show a message, an error, or neither. */
function say(message, error = "") {
  at("message").textContent = message;
  at("error").textContent = error;
}

/** Call the server; throws an error with the server's message if it refuses. */
async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("tapehead does not answer: is it still running in the terminal?");
  }
  let content;
  try {
    content = await response.json();
  } catch {
    throw new Error(`the answer of tapehead is not JSON (${response.status})`);
  }
  if (!response.ok) throw new Error(content.error || `tapehead refused the request (${response.status})`);
  return content;
}

const post = (path, body) =>
  call(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

/**
 * Run `work` and then the function that it resolves to, which shows the result. If another call begins meanwhile,
 * only the result of the latest is shown.
 */
async function attempt(message, work) {
  const mine = ++latest;
  say(message);
  document.body.setAttribute("aria-busy", "true");
  try {
    const done = await work();
    if (mine === latest) await done();
    if (mine === latest) say(at("message").textContent === message ? "" : at("message").textContent);
  } catch (error) {
    if (mine === latest) say("", sentence(error.message));
  } finally {
    if (mine === latest) document.body.removeAttribute("aria-busy");
  }
}

/** A message with a capital first letter, unless it begins with the name of a file. */
function sentence(text) {
  return /^\S*\./.test(text) ? text : capitalize(text);
}

/** Show what a network did; null where none was asked. */
async function show(recording) {
  player?.remove();
  player = globalThis.player = recording && await mount(at("stage"), recording);
}

/** Both answers of a question about a family, in sentences; nothing for other answers. */
function showReply(result) {
  at("reply").hidden = !result?.understood;
  if (!result?.understood) return;
  const [understood, ...lines] = result.lines;
  at("reply").replaceChildren(
    make("b", {}, capitalize(understood)), make("ul", {}, ...lines.map((line) => make("li", {}, capitalize(line)))));
}

function watch() {
  const model = models[at("model").selectedIndex];
  if (!model) return;
  const length = model.size === null ? null : Number(at("length").value);
  attempt("Running the model …", async () => {
    const body = { model: model.name, seed: Number(at("seed").value), ...(length === null ? {} : { length }) };
    const result = await post("/api/trace", body);
    return () => {
      showReply(null);
      return show(result.recording);
    };
  });
}

function ask() {
  attempt("Asking the network …", async () => {
    const result = await post("/api/ask", { data: data.id, question: at("question").value });
    return async () => {
      await show(result.recording);
      showReply(result);
      const read = result.facts_read.length;
      say(`Answered in ${result.seconds.toFixed(1)} s` + (result.recording === null ? "." :
        `: ${result.facts_given} facts were given, ${read} ${read === 1 ? "was" : "were"} read for the answer.`));
    };
  });
}

/** Show what is in a graph, and suggest questions about it. */
function describeData(graph) {
  data = graph;
  const things = graph.kind === "family" ? "people" : "places";
  const count = (number) => number.toLocaleString("en");
  at("data-about").replaceChildren(
    make("b", {}, graph.name), `: ${count(graph.things)} ${things}, ${count(graph.facts)} facts.`,
    graph.notes.length ? make("ul", {}, ...graph.notes.map((note) => make("li", {}, note))) : "");
  at("question").value = graph.suggestions[0] ?? "";
  at("suggestions").replaceChildren(...graph.suggestions.map((question) =>
    make("button", { type: "button", onclick: () => { at("question").value = question; ask(); } }, question)));
  at("ask-button").disabled = false;
}

function upload(file) {
  if (file.size > MAX_BYTES) {
    say("", `${file.name} is larger than ${MAX_BYTES / 2 ** 20} MB, the largest file that is accepted`);
    return;
  }
  attempt(`Reading ${file.name} …`, async () => {
    const graph = await call(`/api/data?filename=${encodeURIComponent(file.name.slice(-200))}`,
      { method: "POST", headers: { "content-type": "application/octet-stream" }, body: file });
    return () => describeData(graph);
  });
}

function chooseTab(tab) {
  for (const name of ["ask", "watch"]) {
    at(name).hidden = name !== tab;
    at(`tab-${name}`).setAttribute("aria-selected", name === tab);
    at(`tab-${name}`).tabIndex = name === tab ? 0 : -1;
  }
}

function describeModel() {
  const model = models[at("model").selectedIndex];
  at("watch-button").disabled = at("another").disabled = !model;
  if (!model) {
    at("model-about").textContent = "No trained model with a memory is installed.";
    return;
  }
  at("length").disabled = model.size === null;
  at("length").value = model.usual ?? "";
  at("size-name").textContent = capitalize(model.size ?? "length");
  at("model-about").textContent = `${model.about}. Task: ${model.task}` +
    (model.size === null ? "." : `, trained on up to ${model.trained_to} ${model.size === "length" ? "vectors" :
      model.size}. Try more than that.`);
}

async function start() {
  const found = await call("/api/models");
  models = found.models;
  if (found.docs) document.querySelector(".bar").append(make("a", { href: found.docs }, "Help"));
  at("model").replaceChildren(...models.map((model) => make("option", {}, model.name)));
  at("examples").replaceChildren("Or try ", ...found.examples.map(({ name, about }) =>
    make("button", { type: "button", onclick: () => attempt(`Reading ${name} …`, async () => {
      const graph = await call(`/api/examples/${name}`, { method: "POST" });
      return () => describeData(graph);
    }) }, about)));
  describeModel();
  watch();
}

for (const name of ["ask", "watch"]) at(`tab-${name}`).addEventListener("click", () => chooseTab(name));
document.querySelector(".tabs").addEventListener("keydown", (event) => {
  if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
  const other = at("ask").hidden ? "ask" : "watch";
  chooseTab(other);
  at(`tab-${other}`).focus();
  event.preventDefault();
  event.stopPropagation();
});
at("model").addEventListener("change", () => { describeModel(); watch(); });
at("watch").addEventListener("submit", (event) => { event.preventDefault(); watch(); });
at("another").addEventListener("click", () => { at("seed").value = Number(at("seed").value) + 1; watch(); });
at("ask").addEventListener("submit", (event) => { event.preventDefault(); if (data) ask(); });
at("file").addEventListener("change", () => {
  if (at("file").files.length) upload(at("file").files[0]);
  at("file").value = "";
});
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => { event.preventDefault(); at("drop").classList.add("over"); });
}
for (const kind of ["dragleave", "drop"]) {
  document.addEventListener(kind, (event) => { event.preventDefault(); at("drop").classList.remove("over"); });
}
document.addEventListener("drop", (event) => {
  chooseTab("ask");
  if (event.dataTransfer.files.length) upload(event.dataTransfer.files[0]);
});
chooseTab("watch");
start().catch((error) => say("", sentence(error.message)));
