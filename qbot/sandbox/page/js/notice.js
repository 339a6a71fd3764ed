// What the page itself says: toasts and questions.

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
  return new Promise((resolve) => {
    const answer = (value) => {
      dialog.onclose = null;
      dialog.close();
      resolve(value);
    };
    fill(dialog, ...wording(question, answer));
    dialog.oncancel = () => answer(false);
    // The event comes a little later: then the dialog may show the next question already.
    dialog.onclose = () => dialog.open || resolve(false);
    dialog.showModal();
    dialog.querySelector("[data-first]").focus();
  });
}

function wording(question, answer) {
  const style = question.style === "danger" ? "button danger" : "button primary";
  const no = { type: "button", class: "button", onclick: () => answer(false) };
  const yes = { type: "button", class: style, onclick: () => answer(true), "data-first": true };
  return [
    h("h2", { id: "confirm-title" }, textNodes(question.title)),
    h("div", { class: "question" }, textNodes(question.text)),
    h(
      "div",
      { class: "row end" },
      h("button", no, textNodes(question.deny)),
      h("button", yes, textNodes(question.confirm)),
    ),
  ];
}
