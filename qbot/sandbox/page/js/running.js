// The Applications in the stand-in Argo CD, grouped by environment.

import { post } from "/page/js/api.js";
import { h } from "/page/js/dom.js";
import { told } from "/page/js/notice.js";

const MANY = 24; // from here on dots alone
const SIGNS = {
  Healthy: "✓",
  Progressing: "",
  Degraded: "!",
  Missing: "",
  Suspended: "‖",
  Unknown: "?",
};

/** One block per AppProject, folded while all of it is well. */
export function environments(applications, namespaces) {
  if (!applications.length) {
    return h(
      "p",
      { class: "quiet" },
      "Nothing runs yet. An environment appears here as soon as Qbot makes one.",
    );
  }
  const groups = Map.groupBy
    ? Map.groupBy(applications, (one) => one.project)
    : grouped(applications);
  return [...groups].map(([project, found]) =>
    environment(project, found, namespaces.includes(project)),
  );
}

function grouped(applications) {
  const groups = new Map();
  for (const one of applications)
    groups.set(one.project, [...(groups.get(one.project) ?? []), one]);
  return groups;
}

function environment(project, found, living) {
  const healthy = found.filter((one) => one.health === "Healthy" && !one.deleting).length;
  const deleting = found.some((one) => one.deleting);
  const words = deleting ? `${found.length} left` : `${healthy} of ${found.length} healthy`;
  const rows = found.map((one) => (found.length > MANY ? dot(one, project) : row(one, project)));
  const calm = living && !deleting && healthy === found.length;
  return h(
    "details",
    {
      class: "environment",
      open: !calm,
      dataset: calm ? { key: project } : { key: project, auto: "yes" },
    },
    h(
      "summary",
      { class: "line" },
      h("strong", { title: project }, project.replace(/^qbot-/, "")),
      h("span", { class: "quiet" }, living || deleting ? words : `${words}, no namespace yet`),
    ),
    h("div", { class: found.length > MANY ? "dots" : "apps" }, rows),
  );
}

const short = (one, project) => one.name.replace(`${project}-`, "");
const condition = (one) => (one.deleting ? "Deleting" : one.health || "Missing");

function dot(one, project) {
  const state = condition(one);
  return h(
    "span",
    {
      class: `health ${state.toLowerCase()}`,
      role: "img",
      "aria-label": `${short(one, project)}: ${state}`,
      title: `${short(one, project)}: ${state}`,
    },
    SIGNS[state] ?? "",
  );
}

function row(one, project) {
  const state = condition(one);
  const pinned = state === "Degraded";
  const change = () =>
    told(() =>
      post(
        "app",
        pinned
          ? { name: one.name, health: null }
          : {
              name: one.name,
              health: "Degraded",
              message: "CrashLoopBackOff: back-off restarting failed container",
            },
      ),
    );
  return h(
    "details",
    { class: "app", dataset: { key: one.name } },
    h("summary", null, dot(one, project), h("span", { class: "name" }, short(one, project))),
    h(
      "div",
      { class: "more" },
      h("span", null, `${state} · ${one.sync || "Unknown"}`),
      h(
        "button",
        { type: "button", class: "link", onclick: change },
        pinned ? "Let it recover" : "Make it fail",
      ),
    ),
  );
}
