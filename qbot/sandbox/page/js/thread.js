// The panel with one thread.

import { get } from "/page/js/api.js";
import { byId, fill, h, icon } from "/page/js/dom.js";
import { keptAtBottom, showMessages } from "/page/js/messages.js";
import { state } from "/page/js/state.js";

let fresh = false;

export function openThread(ts) {
  state.thread = ts;
  fresh = true;
  const panel = byId("thread");
  panel.hidden = false;
  const close = h(
    "button",
    { type: "button", class: "bare round", "aria-label": "Close the thread", onclick: closeThread },
    icon("close"),
  );
  fill(
    panel,
    h("header", null, h("h2", null, "Thread"), close),
    keptAtBottom(h("div", { class: "scroller" }, h("div", { class: "list" }))),
    h("p", { class: "below" }, "Slash commands do not work in threads."),
  );
  close.focus();
  announce();
  return refreshThread();
}

export function closeThread() {
  if (!state.thread) return;
  state.thread = "";
  byId("thread").hidden = true;
  announce();
}

const announce = () => document.dispatchEvent(new Event("thread"));

export async function refreshThread() {
  const { thread, channel, user } = state;
  if (!thread) return;
  let found;
  try {
    found = await get("messages", { channel, as: user, thread });
  } catch {
    closeThread(); // its first message is gone
    return;
  }
  if (thread !== state.thread || user !== state.user) return;
  showMessages(byId("thread").querySelector(".list"), channel, found.messages, { fresh });
  fresh = false;
}
