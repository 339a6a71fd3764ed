// Building elements. Text always becomes a text node: nothing here parses HTML.

/** An element: `h("p", {class: "x", onclick: f}, "text", child)`; null children are left out. */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name in PROPERTIES) element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(
    ...children
      .flat(Infinity)
      .filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

const PROPERTIES = { value: 1, checked: 1, selected: 1, disabled: 1, hidden: 1, tabIndex: 1 };

export const byId = (id) => document.getElementById(id);

/** Show exactly these children. */
export function fill(element, ...children) {
  element.replaceChildren(
    ...children
      .flat(Infinity)
      .filter((child) => child !== null && child !== undefined && child !== false),
  );
}

/**
 * Show what `make` returns, but only when `data` changed: a rebuilt button loses the press that
 * is under way. Focus and open details survive, by `data-key`.
 */
export function fillIfNew(element, data, make) {
  const source = JSON.stringify(data);
  if (element.source === source) return;
  element.source = source;
  const active = document.activeElement;
  const focused = element.contains(active) ? active.dataset.key : null;
  const open = new Set(
    [...element.querySelectorAll("details[open]:not([data-auto])")].map((one) => one.dataset.key),
  );
  fill(element, make());
  for (const one of element.querySelectorAll("[data-key]")) {
    if (one.dataset.key === focused) one.focus();
    if (open.has(one.dataset.key)) one.open = true;
  }
}

const ICONS = {
  eye: "M1.5 10S4.5 4.5 10 4.5 18.5 10 18.5 10 15.5 15.5 10 15.5 1.5 10 1.5 10zM10 7.4a2.6 2.6 0 1 0 0 5.2 2.6 2.6 0 0 0 0-5.2z",
  close: "M5 5l10 10M15 5L5 15",
  send: "M3 10h12M10 5l5 5-5 5",
  menu: "M3 6h14M3 10h14M3 14h14",
  globe:
    "M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15zM2.5 10h15M10 2.5c2.5 2.6 2.5 12.4 0 15M10 2.5c-2.5 2.6-2.5 12.4 0 15",
  branch:
    "M6 6.5v7M14 8.5c0 3-8 2-8 5M6 2.9a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6zM6 13.5a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6zM14 4.9a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z",
  reply: "M4 4.5h12v8.5H9l-4 3v-3H4z",
  lock: "M5.5 9h9v7h-9zM7 9V6.5a3 3 0 0 1 6 0V9",
  dots: "M4.5 10h.01M10 10h.01M15.5 10h.01",
};

const SVG = "http://www.w3.org/2000/svg";

/** A line drawing that says nothing to a screen reader. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** What somebody looks like: initials on a colour of their own; the bot has a picture. */
export function avatar(user, extra = "") {
  if (user?.bot && user.name === "qbot")
    return h("img", { class: `avatar ${extra}`, src: "/page/icon.svg", alt: "" });
  const words = (user?.real_name ?? "?").split(" ");
  const initials = words
    .map((word) => word[0])
    .slice(0, 2)
    .join("");
  const hue = [...(user?.name ?? "?")].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 8;
  return h("span", { class: `avatar hue-${hue} ${extra}`, "aria-hidden": "true" }, initials);
}

/** Calls `work` at once, then at most every `pause` milliseconds, and never drops the last call. */
export function paced(work, pause) {
  let waiting = null;
  let again = false;
  const run = async () => {
    waiting = setTimeout(() => {
      waiting = null;
      if (again) {
        again = false;
        run();
      }
    }, pause);
    await work();
  };
  return () => {
    if (waiting === null) run();
    else again = true;
  };
}
