// What the page itself says: toasts, questions, and where a link would lead.

import { byId, fill, h } from "/page/js/dom.js";
import { textNodes } from "/page/js/mrkdwn.js";

const SHOWN = 6000; // milliseconds
const MOST = 3;

/** A short sentence in the corner. */
export function toast(text, tone = "info") {
  const close = h(
    "button",
    { type: "button", class: "bare", "aria-label": "Dismiss", onclick: () => note.remove() },
    "×",
  );
  const note = h("div", { class: `toast ${tone}` }, h("span", null, text), close);
  byId("toasts").append(note);
  while (byId("toasts").children.length > MOST) byId("toasts").firstChild.remove();
  setTimeout(() => note.remove(), SHOWN);
}

/** Runs work of which a failure is told. */
export async function told(work) {
  try {
    return await work();
  } catch (error) {
    toast(error.message, "bad");
    return null;
  }
}

/** Block Kit's question before an action: resolves to true or false; Esc is no. */
export function ask(question) {
  const dialog = byId("confirm");
  const answer = (value) => () => dialog.close(value);
  const style = question.style === "danger" ? "button danger" : "button primary";
  fill(
    dialog,
    h("h2", { id: "confirm-title" }, textNodes(question.title)),
    h("div", { class: "question" }, textNodes(question.text)),
    h(
      "div",
      { class: "row end" },
      h(
        "button",
        { type: "button", class: "button", onclick: answer("no") },
        textNodes(question.deny),
      ),
      h(
        "button",
        { type: "button", class: style, onclick: answer("yes"), "data-first": true },
        textNodes(question.confirm),
      ),
    ),
  );
  dialog.returnValue = "no";
  dialog.showModal();
  dialog.querySelector("[data-first]").focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

/** Hosts of the made-up shop exist nowhere, and the stand-ins have no pages to look at. */
export function leadsNowhere(url) {
  const target = new URL(url, location.href);
  return (
    target.hostname.endsWith(".example") ||
    (target.origin === location.origin && target.pathname !== "/")
  );
}

export function openLink(url) {
  if (!/^https?:\/\//i.test(url)) return;
  if (leadsNowhere(url)) toast(`In a real installation this opens ${url}`);
  else window.open(url, "_blank", "noopener,noreferrer");
}
