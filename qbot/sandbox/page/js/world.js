// The world outside of Slack: the clock, what runs, the branches, and trouble to order.

import { get, post } from "/page/js/api.js";
import { byId, fill, fillIfNew, h, icon } from "/page/js/dom.js";
import { clockTime, dateText } from "/page/js/dates.js";
import { environments } from "/page/js/running.js";
import { featureBranches } from "/page/js/hints.js";
import { toast, told } from "/page/js/notice.js";
import { now, state, zone } from "/page/js/state.js";
import { showTrouble, startTrouble } from "/page/js/trouble.js";

const STEPS = [
  ["1 min", 60],
  ["10 min", 600],
  ["1 h", 3600],
  ["1 d", 86400],
];
let propose = () => {};

export function startWorld(use) {
  propose = use;
  const part = (name, title) =>
    h(
      "section",
      { id: name, "aria-labelledby": `${name}-title` },
      h("h3", { id: `${name}-title` }, title),
      h("div", { class: "part" }),
    );
  fill(
    byId("world"),
    h(
      "header",
      null,
      h("h2", null, "Outside of Slack"),
      h(
        "button",
        {
          type: "button",
          class: "bare round",
          "aria-label": "Close the panel",
          onclick: () => document.dispatchEvent(new Event("toggle-world")),
        },
        icon("close"),
      ),
    ),
    h(
      "div",
      { class: "scroller" },
      part("running", "Running environments"),
      part("branches", "Branches in GitLab"),
      part("clock", "Time"),
      part("trouble", "Trouble"),
    ),
  );
  startTrouble(body("trouble"));
  fill(body("clock"), h("p", { class: "time" }), h("div", { class: "row" }, STEPS.map(stepButton)));
}

const body = (name) => byId(name).querySelector(".part");

/** Ask for the state of the three vendors and show it. */
export async function refreshWorld() {
  const found = await told(() => get("state"));
  if (!found) return;
  state.branches = found.branches;
  const applications = ownFirst(found.applications);
  tick();
  fillIfNew(body("running"), applications, () => environments(applications, found.namespaces));
  showTrouble({ ...found, applications });
  fillIfNew(body("branches"), found.branches, () => branchParts());
}

/** What Qbot made for branches comes before the stages, which are always there. */
export const ownFirst = (applications) =>
  [false, true].flatMap((stage) => applications.filter((one) => isStage(one) === stage));
const isStage = (one) => !one.project.startsWith("qbot-");

export function tick() {
  const time = byId("clock")?.querySelector(".time");
  if (!time) return;
  const ahead = state.offset ? `, ${lasting(state.offset)} ahead of the wall` : "";
  const where = zone()?.split("/").pop().replaceAll("_", " ") ?? "";
  time.textContent = `${dateText(now(), "{date_short}")}, ${clockTime(now())} in ${where}${ahead}`;
}

function lasting(seconds) {
  const days = Math.floor(seconds / 86400);
  const hours = Math.floor((seconds % 86400) / 3600);
  const minutes = Math.round((seconds % 3600) / 60);
  return (
    [days && `${days} d`, hours && `${hours} h`, minutes && `${minutes} min`]
      .filter(Boolean)
      .join(" ") || "a moment"
  );
}

function stepButton([label, seconds]) {
  return h(
    "button",
    {
      type: "button",
      class: "button small",
      onclick: () => told(() => post("time", { advance: seconds })),
    },
    `+${label}`,
  );
}

function branchParts() {
  const found = featureBranches();
  const part = ([name, projects]) =>
    h(
      "div",
      { class: "branch" },
      h(
        "div",
        { class: "line" },
        icon("branch"),
        h("code", null, name),
        h(
          "button",
          { type: "button", class: "link", onclick: () => propose(`/env create ${name}`) },
          "create",
        ),
      ),
      h(
        "div",
        { class: "chips" },
        projects.map((path) => pushChip(path, name)),
      ),
    );
  return [
    found.length
      ? [h("p", { class: "quiet" }, "Press a service to push a commit to it."), found.map(part)]
      : h("p", { class: "quiet" }, "Only main everywhere."),
    branchForm(),
  ];
}

function pushChip(project, branch) {
  const name = project.split("/").pop();
  const push = async () => {
    if (await told(() => post("push", { project, branch })))
      toast(`Pushed a commit to ${branch} of ${project}`);
  };
  return h(
    "button",
    {
      type: "button",
      class: "chip",
      title: `Push a commit to ${branch} of ${project}`,
      onclick: push,
    },
    name,
    h("span", { "aria-hidden": "true" }, " ↑"),
  );
}

function branchForm() {
  const project = h(
    "select",
    { class: "field select", "aria-label": "Project" },
    Object.keys(state.branches).map((path) => h("option", { value: path }, path.split("/").pop())),
  );
  const branch = h("input", {
    class: "field",
    placeholder: "feat/something",
    "aria-label": "Branch",
    required: true,
  });
  const submit = async (event) => {
    event.preventDefault();
    if (await told(() => post("push", { project: project.value, branch: branch.value.trim() })))
      branch.value = "";
  };
  return h(
    "details",
    { dataset: { key: "new-branch" } },
    h("summary", null, "Push to another branch"),
    h(
      "form",
      { class: "stack", onsubmit: submit },
      project,
      branch,
      h("button", { class: "button small" }, "Push"),
    ),
  );
}
