// Trouble to order: services that break, vendors that fail; and starting all over.

import { post } from "/page/js/api.js";
import { fill, fillIfNew, h } from "/page/js/dom.js";
import { ask, toast, told } from "/page/js/notice.js";

const TROUBLES = [
  ["Argo CD answers 503", { vendor: "argocd", match: "/api/", kind: "503", times: 20 }],
  [
    "Argo CD drops connections",
    { vendor: "argocd", match: "/api/", kind: "drop-before", times: 20 },
  ],
  ["GitLab answers 500", { vendor: "gitlab", match: "/api/", kind: "500", times: 10 }],
  ["GitLab is slow (3 s)", { vendor: "gitlab", match: "/api/", kind: "slow:3", times: 10 }],
  ["Slack limits the rate", { vendor: "slack", match: "/api/chat", kind: "429", times: 5 }],
];
const CRASH = "CrashLoopBackOff: back-off restarting failed container";

const parts = { services: h("form", { class: "row" }), broken: list(), ordered: list() };
let chosen = ""; // the service that somebody picked; else the first one is proposed
let restartsQbot = false; // whether a fresh world has a fresh Qbot, too

function list() {
  return h("ul", { class: "troubles" });
}

/** Put the panel's part together; `showTrouble` fills it. */
export function startTrouble(body) {
  parts.services.addEventListener("submit", breakService);
  fill(
    body,
    h("p", { class: "quiet" }, "Break a service that runs, or let a neighbour of Qbot fail."),
    parts.services,
    parts.broken,
    faultForm(),
    parts.ordered,
    resetButton(),
  );
}

/** What is broken at the moment, and what could be. */
export function showTrouble({ applications, faults, reset_restarts_app }) {
  restartsQbot = reset_restarts_app;
  const names = applications.filter((one) => !one.deleting).map((one) => one.name);
  fillIfNew(parts.services, names, () => serviceChoice(names));
  const broken = applications.filter((one) => one.health === "Degraded").map((one) => one.name);
  fillIfNew(parts.broken, broken, () => broken.map(brokenService));
  fillIfNew(parts.ordered, faults, () => faults.map(orderedFault));
}

function serviceChoice(names) {
  const option = (name) => h("option", { value: name, selected: name === chosen }, name);
  return [
    h(
      "select",
      {
        class: "field select",
        "aria-label": "Service",
        disabled: !names.length,
        onchange: (event) => (chosen = event.target.value),
      },
      names.length ? names.map(option) : h("option", null, "Nothing runs yet"),
    ),
    h("button", { class: "button small danger", disabled: !names.length }, "Break"),
  ];
}

async function breakService(event) {
  event.preventDefault();
  const name = parts.services.querySelector("select").value;
  await told(() => post("app", { name, health: "Degraded", message: CRASH }));
}

function line(text, note, label, action) {
  const props = { type: "button", class: "link", "aria-label": `${label}: ${text}` };
  return h(
    "li",
    null,
    h("span", null, text, note ? h("span", { class: "quiet" }, ` · ${note}`) : null),
    h("button", { ...props, onclick: () => told(action) }, label),
  );
}

const brokenService = (name) =>
  line(name, "failing", "Repair", () => post("app", { name, health: null }));

function orderedFault(fault) {
  const same = ([, one]) => ["vendor", "match", "kind"].every((key) => one[key] === fault[key]);
  const [label] = TROUBLES.find(same) ?? [`${fault.vendor}: ${fault.kind} for ${fault.match}`];
  const left = fault.times === 1 ? "1 request left" : `${fault.times} requests left`;
  return line(label, left, "Stop", () => post("fault", { ...fault, times: 0 }));
}

function faultForm() {
  const choice = h(
    "select",
    { class: "field select", "aria-label": "Trouble" },
    TROUBLES.map(([label], index) => h("option", { value: index }, label)),
  );
  const submit = async (event) => {
    event.preventDefault();
    const [, fault] = TROUBLES[choice.value];
    await told(() => post("fault", fault));
  };
  return h(
    "form",
    { class: "row", onsubmit: submit },
    choice,
    h("button", { class: "button small danger" }, "Start"),
  );
}

function resetQuestion() {
  const plain = (text) => ({ type: "plain_text", text });
  return {
    title: plain("Start all over?"),
    text: plain(
      restartsQbot
        ? "Messages, environments and pushed branches are forgotten. Qbot restarts with an empty database; that takes some seconds."
        : "Slack, GitLab and Argo CD forget messages, environments and pushed branches. Qbot does not: it goes on with its database, and finds nothing of what it remembers. For a fresh start stop Qbot, remove its database, and start it again.",
    ),
    confirm: plain("Start Over"),
    deny: plain("Keep"),
    style: "danger",
  };
}

function resetButton() {
  const button = h("button", { type: "button", class: "link" }, "Start with a fresh world");
  button.addEventListener("click", async () => {
    if (!(await ask(resetQuestion()))) return;
    button.disabled = true;
    button.textContent = "Starting over…";
    if (await told(() => post("reset"))) toast("A fresh world: nothing has happened yet.");
    button.disabled = false;
    button.textContent = "Start with a fresh world";
  });
  return button;
}
