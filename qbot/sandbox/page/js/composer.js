// The box in which commands are typed: proposals, history, sending.

import { complain } from "/page/js/actions.js";
import { post } from "/page/js/api.js";
import { byId, fill, h, icon } from "/page/js/dom.js";
import { hints } from "/page/js/hints.js";
import { told } from "/page/js/notice.js";
import { current, isDm, state } from "/page/js/state.js";

const KEPT = 50;
const HISTORY = "qbot-history";
const past = JSON.parse(localStorage.getItem(HISTORY) ?? "[]");
let position = past.length; // in the history; past.length is the line being typed
let draft = "";
let offered = [];
let chosen = -1;
let input = null;

export function startComposer() {
  const form = byId("composer");
  input = h("textarea", {
    id: "composer-input",
    rows: 1,
    spellcheck: "false",
    role: "combobox",
    "aria-expanded": "false",
    "aria-controls": "hints",
    "aria-autocomplete": "list",
    oninput: typed,
    onkeydown: key,
    onblur: () => setTimeout(hide, 150),
  });
  fill(
    form,
    h("div", { id: "hints", role: "listbox", "aria-label": "Proposals", hidden: true }),
    h(
      "div",
      { class: "box" },
      input,
      h("button", { class: "send", "aria-label": "Send" }, icon("send")),
    ),
    h(
      "p",
      { class: "below" },
      h("kbd", null, "Enter"),
      " sends · ",
      h("kbd", null, "Tab"),
      " completes · ",
      h("kbd", null, "↑"),
      " brings back · commands begin with ",
      h("kbd", null, "/"),
    ),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(input.value);
  });
}

/** Say where the message would go, or why there is no going. */
export function refreshComposer() {
  const channel = current();
  const open = Boolean(channel?.member && !channel.read_only);
  const name = isDm(channel) ? "Qbot" : `#${channel?.name}`;
  input.disabled = !open;
  input.placeholder = open ? "Type /env help, or a message" : why(channel, name);
  byId("composer").classList.toggle("closed", !open);
  input.setAttribute("aria-label", open ? `Message to ${name}` : `${state.user} cannot write here`);
}

const why = (channel, name) =>
  channel?.read_only
    ? "Sending messages to this app has been turned off."
    : `${state.user} is not in ${name}`;

/** Put a line into the box; with `now` it is sent at once. */
export function propose(text, now = false) {
  if (now) return send(text);
  input.value = text;
  input.focus();
  return typed();
}

function typed() {
  input.rows = Math.min(6, input.value.split("\n").length);
  offered = hints(input.value);
  chosen = -1;
  draw();
}

function hide() {
  offered = [];
  draw();
}

function draw() {
  const list = byId("hints");
  list.hidden = offered.length === 0;
  input.setAttribute("aria-expanded", String(offered.length > 0));
  if (chosen >= 0) input.setAttribute("aria-activedescendant", `hint-${chosen}`);
  else input.removeAttribute("aria-activedescendant");
  const row = (one, index) =>
    h(
      "div",
      {
        class: "hint-row",
        role: "option",
        id: `hint-${index}`,
        "aria-selected": String(index === chosen),
        onmousedown: (event) => take(event, one),
      },
      h(
        "span",
        null,
        h("code", null, one.text.trim()),
        one.usage ? h("span", { class: "usage" }, ` ${one.usage}`) : null,
      ),
      h("span", { class: "about" }, one.about),
    );
  fill(list, offered.map(row));
}

function take(event, one) {
  event.preventDefault();
  propose(one.text);
}

function key(event) {
  const open = offered.length > 0;
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    if (chosen >= 0) propose(offered[chosen].text);
    else send(input.value);
  } else if (event.key === "Tab" && open && !event.shiftKey) {
    event.preventDefault();
    propose(offered[Math.max(chosen, 0)].text);
  } else if (event.key === "Escape" && open) {
    event.stopPropagation();
    hide();
  } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
    arrow(event, event.key === "ArrowUp" ? -1 : 1, open);
  }
}

/** Up and down walk through the proposals, or else through what was sent before. */
function arrow(event, step, open) {
  const walking = position < past.length || input.value === "";
  if (open && !(walking && step < 0 && chosen < 0)) {
    chosen = (chosen + step + offered.length) % offered.length;
    draw();
  } else if (walking && past.length) {
    if (position === past.length) draft = input.value;
    position = Math.max(0, Math.min(past.length, position + step));
    input.value = past[position] ?? draft;
    hide();
  } else return;
  event.preventDefault();
}

async function send(line) {
  const text = line.trim();
  const channel = current();
  if (!text || input.disabled) return;
  if (past.at(-1) !== text) past.push(text);
  localStorage.setItem(HISTORY, JSON.stringify(past.slice(-KEPT)));
  position = past.length;
  const list = byId("messages");
  list.scrollTop = list.scrollHeight; // the answer is looked at, wherever one has been reading
  input.value = "";
  input.rows = 1;
  hide();
  const form = byId("composer");
  form.setAttribute("aria-busy", "true");
  const said = { user: state.user, channel: channel.id, text };
  await (text.startsWith("/") ? command(said) : told(() => post("say", said)));
  form.removeAttribute("aria-busy");
}

async function command(said) {
  const answer = await told(() => post("slash", said));
  if (answer && answer.http_status >= 400 && !answer.replies.length) complain(answer);
}
