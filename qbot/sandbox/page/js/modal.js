// Modals: the top of a person's stack of views, its inputs, submitting and closing.

import { get, post } from "/page/js/api.js";
import { showBlocks } from "/page/js/blocks.js";
import { avatar, byId, fill, h, icon } from "/page/js/dom.js";
import { textNodes } from "/page/js/mrkdwn.js";
import { told } from "/page/js/notice.js";
import { person, state } from "/page/js/state.js";

let view = null;
let fields = new Map();
let leaving = ""; // id of the view that is being closed

const SHOWN = "qbot-modal"; // whose modal this tab shows, for as long as the tab lives

/** Slack's client forgets its modals when it is loaded again, and so does this page. */
export async function forgetModal() {
  const user = sessionStorage.getItem(SHOWN);
  sessionStorage.removeItem(SHOWN);
  if (user) await post("reload", { user });
}

/** Ask what is open and show it. */
export async function refreshModal() {
  const user = state.user;
  const found = await told(() => get("views", { as: user }));
  if (found && user === state.user) show(found.view, found.views.length);
}

function show(next, depth) {
  const dialog = byId("modal");
  if (!next) {
    view = null;
    sessionStorage.removeItem(SHOWN);
    if (dialog.open) dialog.close();
    return;
  }
  sessionStorage.setItem(SHOWN, state.user);
  if (view?.id !== next.id) frame(dialog);
  else if (view.hash === next.hash) return;
  view = next;
  fill(byId("modal-title"), next.title ? textNodes(next.title) : "");
  const where = { place: { view_id: next.id }, fields, kept, touched: forget };
  const body = dialog.querySelector(".modal-body");
  showBlocks(body, next.blocks, where);
  footer(dialog.querySelector("footer"), next, depth);
  if (!dialog.open) dialog.showModal();
  if (!body.contains(document.activeElement))
    (body.querySelector("[autofocus], .field") ?? byId("modal-title")).focus();
}

/** What is in an input already survives an update that keeps its ids, as at Slack. */
function kept(block, element) {
  const field = fields.get(element.action_id);
  if (field?.block === block.block_id) return { value: field.read() };
  return view?.state?.values?.[block.block_id]?.[element.action_id];
}

function frame(dialog) {
  fields = new Map();
  fill(
    dialog,
    h(
      "form",
      { class: "modal-frame", novalidate: true, onsubmit: submit },
      h(
        "header",
        null,
        avatar(person("qbot"), "small"),
        h("h2", { id: "modal-title", tabIndex: -1 }),
        h(
          "button",
          { type: "button", class: "bare round", "aria-label": "Close", onclick: close },
          icon("close"),
        ),
      ),
      h("div", { class: "modal-body", role: "group" }),
      h("div", { class: "modal-error", role: "alert", hidden: true }),
      h("footer", { class: "row end" }),
    ),
  );
}

function footer(node, next, depth) {
  const source = JSON.stringify([next.close, next.submit, next.submit_disabled, depth]);
  if (node.source === source) return;
  node.source = source;
  const closing = next.close
    ? textNodes(next.close)
    : depth > 1
      ? "Back"
      : next.submit
        ? "Cancel"
        : "Close";
  fill(
    node,
    h("button", { type: "button", class: "button", onclick: close }, closing),
    next.submit
      ? h(
          "button",
          { class: "button primary", disabled: next.submit_disabled },
          textNodes(next.submit),
        )
      : null,
  );
}

async function submit(event) {
  event.preventDefault();
  if (!view?.submit) return;
  const button = event.currentTarget.querySelector(".primary");
  if (button.getAttribute("aria-busy")) return;
  const sent = view;
  const values = Object.fromEntries(
    [...fields].filter(([id]) => onView(sent, id)).map(([id, field]) => [id, field.read()]),
  );
  button.setAttribute("aria-busy", "true");
  const answer = await told(() => post("submit", { user: state.user, view_id: sent.id, values }));
  button.removeAttribute("aria-busy");
  if (!answer) return;
  if (view?.id === sent.id) complain(answer.errors);
  await refreshModal();
}

const onView = (one, id) => one.blocks.some((block) => block.element?.action_id === id);

function complain(errors) {
  const dialog = byId("modal");
  const banner = dialog.querySelector(".modal-error");
  banner.hidden = !errors[""];
  banner.textContent = errors[""] ?? "";
  let first = null;
  for (const block of dialog.querySelectorAll(".block.input")) {
    const error = errors[block.dataset.block] ?? "";
    mark(block, error);
    if (error) first ??= block;
  }
  first?.querySelector(".field, input")?.focus();
}

function mark(node, error) {
  node.querySelector(".error").textContent = error;
  node.classList.toggle("wrong", Boolean(error));
  node.querySelector(".field")?.setAttribute("aria-invalid", String(Boolean(error)));
}

function forget(block) {
  const nodes = [...byId("modal").querySelectorAll(".block.input")];
  const node = nodes.find((one) => one.dataset.block === block.block_id);
  if (node) mark(node, "");
}

async function close() {
  if (!view || leaving === view.id) return;
  leaving = view.id;
  await told(() => post("close", { user: state.user, view_id: leaving }));
  leaving = "";
  await refreshModal();
}

export function startModal() {
  byId("modal").addEventListener("cancel", (event) => {
    event.preventDefault(); // the app hears of it first, as with the cross
    const menu = byId("modal").querySelector("details[open]");
    if (menu) menu.open = false;
    else close();
  });
}
