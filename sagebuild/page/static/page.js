// Fills the sections of the page and reads them again, draws charts, and asks before a change.
"use strict";
const base = document.body.dataset.base;
const root = document.body.dataset.root;

// ---- sections

async function refresh(part) {
  const query = new URLSearchParams(part.dataset.query || "");
  const address = part.dataset.src + (query.size ? `?${query}` : "");
  const answer = await fetch(address);
  const html = await answer.text();
  part.hidden = answer.status === 204;
  part.dataset.ended = answer.headers.get("X-Ended") || "";
  if (part.lastHtml === html) return;
  const wasFilled = part.lastHtml !== undefined;
  part.lastHtml = html;
  replaceContent(part.querySelector(":scope > .content"), html, wasFilled);
}

// Keeps what a person has opened, scrolled or focused in a section that is written again.
function replaceContent(content, html, wasFilled) {
  const opened = new Set([...content.querySelectorAll("details[open]")].map((one) => one.id));
  const scrolled = [...content.querySelectorAll(".scroll, .log")].map((one) => [one.scrollLeft, one.scrollTop]);
  const pressed = content.querySelector(".chart > button")?.getAttribute("aria-pressed") === "true";
  const focused = content.contains(document.activeElement) ? place(content, document.activeElement) : -1;
  const old = new Map([...content.querySelectorAll(".chart")].map((one, index) => [index, one]));
  content.innerHTML = html;
  if (wasFilled) for (const one of content.querySelectorAll("details")) one.open = opened.has(one.id);
  content.querySelectorAll(".scroll, .log").forEach((one, index) => {
    if (scrolled[index]) [one.scrollLeft, one.scrollTop] = scrolled[index];
  });
  content.querySelectorAll(".chart").forEach((chart, index) => drawChart(chart, old.get(index), pressed));
  if (focused >= 0) [...content.querySelectorAll(FOCUSABLE)][focused]?.focus();
  for (const time of content.querySelectorAll("time")) showLocalTime(time);
}

const FOCUSABLE = "a, button, input, select, textarea, summary, [tabindex]";
const place = (content, one) => [...content.querySelectorAll(FOCUSABLE)].indexOf(one);

function showLocalTime(time) {
  const moment = new Date(time.dateTime);
  const pad = (number) => String(number).padStart(2, "0");
  const clock = `${pad(moment.getHours())}:${pad(moment.getMinutes())}`;
  time.title = moment.toString();
  if (time.closest(".log")) time.textContent = `${clock}:${pad(moment.getSeconds())}`;
  else time.textContent = `${moment.getFullYear()}-${pad(moment.getMonth() + 1)}-${pad(moment.getDate())} ${clock}`;
}

async function keep(part) {
  const lost = document.getElementById("lost");
  for (;;) {
    const wanted = part.wanted;
    try {
      if (!document.hidden) await refresh(part);
      lost.hidden = true;
    } catch {
      lost.textContent = "The page has lost its server. Run 'sagebuild ui' again.";
      lost.hidden = false;
    }
    if (part.wanted !== wanted) continue; // something was asked meanwhile
    const seconds = Number(part.dataset.every);
    if (!seconds || part.dataset.ended) await new Promise((done) => (part.wake = done));
    else await new Promise((done) => { part.wake = done; setTimeout(done, seconds * 1000); });
  }
}

function ask(part, query) {
  part.dataset.query = query;
  wake(part);
}

function wake(part) {
  part.wanted = (part.wanted || 0) + 1;
  part.wake?.();
}

// ---- filters

for (const form of document.querySelectorAll("form.filter")) {
  const part = document.getElementById(form.dataset.for);
  let timer;
  const apply = () => ask(part, new URLSearchParams([...new FormData(form)].filter(([, value]) => value)).toString());
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(apply, 250); });
  form.addEventListener("submit", (event) => { event.preventDefault(); apply(); });
}

document.addEventListener("click", (event) => {
  const older = event.target.closest("[data-older]");
  if (!older) return;
  const part = older.closest("[data-src]");
  const query = new URLSearchParams(part.dataset.query || "");
  query.set("before", older.dataset.older);
  ask(part, query.toString());
});

document.addEventListener("change", (event) => {
  const overlay = event.target.closest(".overlay");
  if (!overlay) return;
  const chosen = [...overlay.querySelectorAll("input:checked")].map((one) => one.value);
  const name = overlay.dataset.name || "with";
  ask(document.getElementById(overlay.dataset.for), chosen.length ? `${name}=${chosen.join(",")}` : "");
});

// ---- charts

let plotly;
function loadPlotly() {
  plotly ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = `${base}/-/plotly.js`;
    script.onload = () => done(window.Plotly);
    script.onerror = failed;
    document.head.append(script);
  });
  return plotly;
}

async function drawChart(chart, old, pressed) {
  const figure = JSON.parse(chart.querySelector("script").textContent);
  const button = chart.querySelector("button");
  let plot = chart.querySelector(".plot");
  const oldPlot = old?.querySelector(".plot");
  if (oldPlot?.data) { plot.replaceWith(oldPlot); plot = oldPlot; }
  plot.style.minHeight = `${figure.layout.height}px`;
  const setScale = (isLog) => {
    for (const name of Object.keys(figure.layout)) if (name.startsWith("yaxis")) figure.layout[name].type = isLog ? "log" : "linear";
    button?.setAttribute("aria-pressed", String(isLog));
  };
  figure.layout.font.color = getComputedStyle(document.body).getPropertyValue("--text");
  figure.layout.uirevision = "kept"; // the zoom stays when new values come
  figure.layout.autosize = true;
  setScale(pressed && button !== null);
  const Plotly = await loadPlotly();
  const options = { responsive: true, displaylogo: false, displayModeBar: "hover" };
  await Plotly.react(plot, figure.data, figure.layout, options);
  if (button) button.onclick = () => { setScale(button.getAttribute("aria-pressed") !== "true"); Plotly.react(plot, figure.data, figure.layout, options); };
}

// ---- changes: first what it would do, then a button that does it

const dialog = document.getElementById("confirm");

async function send(verb, given) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(given) };
  const answer = await fetch(`${root}/change/${verb}`, options);
  return { html: await answer.text(), isDone: answer.ok };
}

async function plan(action, number, parameters, removed) {
  dialog.innerHTML = '<p id="confirm-title" class="quiet" role="status">Looking what this would do ...</p>';
  if (!dialog.open) dialog.showModal();
  const { html } = await send("plan", { action, number: number ? Number(number) : null, parameters, removed });
  dialog.innerHTML = html;
  dialog.querySelector("button")?.focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-plan]");
  const to = button?.dataset.to; // the receiving stack of a promotion, once it is chosen
  if (button) plan(button.dataset.plan, button.dataset.number, to ? { to } : {}, []);
  if (event.target.closest("[data-close]")) dialog.close();
});

dialog.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const token = form.dataset.token;
  const comment = form.elements.comment?.value ?? "";
  for (const one of form.querySelectorAll("button")) one.disabled = true;
  const { html, isDone } = await send("apply", { token, comment });
  dialog.innerHTML = html;
  dialog.querySelector("a, button")?.focus();
  if (isDone) for (const part of document.querySelectorAll("[data-src]")) wake(part);
});

// ---- a request to the endpoint

document.getElementById("request")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const answer = document.getElementById("answer");
  answer.innerHTML = '<p class="quiet" role="status">Waiting for the endpoint ...</p>';
  answer.innerHTML = (await send("predict", Object.fromEntries(new FormData(form)))).html;
});

// ---- the editor of parameters

document.addEventListener("submit", (event) => {
  if (event.target.id !== "editor") return;
  event.preventDefault();
  const changed = {};
  const removed = [];
  let problem = null;
  for (const input of event.target.querySelectorAll("[data-kind]")) {
    input.setAttribute("aria-invalid", "false");
    if (input.value === input.dataset.old) continue;
    if (input.value.trim() === "") {
      if (input.closest(".set")) removed.push(input.name); // an empty field has its default again
      continue;
    }
    try {
      changed[input.name] = readValue(input);
    } catch {
      input.setAttribute("aria-invalid", "true");
      problem ??= input;
    }
  }
  const hasChange = removed.length > 0 || Object.keys(changed).length > 0;
  const status = document.getElementById("editor-status");
  status.textContent = problem ? `${problem.name}: this is no JSON.` : hasChange ? "" : "Nothing is changed.";
  if (problem) problem.focus();
  else if (hasChange) plan("set parameters", null, changed, removed);
});

function readValue(input) {
  if (input.dataset.kind === "text") return input.value;
  return JSON.parse(input.value);
}

document.addEventListener("input", (event) => {
  if (event.target.id !== "find-parameter") return;
  const text = event.target.value.toLowerCase();
  for (const row of document.querySelectorAll("#editor [data-name]")) row.hidden = !row.dataset.name.includes(text);
  if (text) document.getElementById("unset").open = true;
});

for (const part of document.querySelectorAll("[data-src]")) keep(part);
