// What the composer proposes while somebody types a command.

import { state } from "/page/js/state.js";

const VERBS = [
  [
    "create",
    "<branch> [--services a,b] [--ttl 3d] [--dry-run]",
    "Bring a branch up as an environment of its own",
  ],
  ["list", "[--mine] [--failed] [text]", "The environments there are"],
  ["show", "<branch>", "One environment: services, versions, state"],
  ["sync", "<branch> [service...]", "Bring an environment to its newest commits"],
  ["delete", "<branch>", "Tear an environment down"],
  ["help", "[command]", "What there is"],
];
const OTHERS = [
  ["/env ", "<command>", "Branch environments"],
  ["/invite @qbot", "", "Ask Qbot into this channel"],
];
const TAKES_BRANCH = ["create", "show", "sync", "delete"];
const MOST = 7;

/** Proposals for what was typed so far: `{text, usage, about}`, the whole line each. */
export function hints(typed) {
  if (!typed.startsWith("/")) return [];
  const verb = /^\/env +(\S*)$/.exec(typed);
  if (verb) return verbs(verb[1]);
  const branch = /^\/env +(\w+) +(\S*)$/.exec(typed);
  if (branch && TAKES_BRANCH.includes(branch[1])) return branches(branch[1], branch[2]);
  if (typed === "/env") return [...verbs("")].slice(0, MOST);
  return OTHERS.filter(([text]) => text.startsWith(typed) && text !== typed).map(
    ([text, usage, about]) => ({ text, usage, about }),
  );
}

function verbs(begun) {
  const fitting = VERBS.filter(([name]) => name.startsWith(begun) && name !== begun);
  return fitting.map(([name, usage, about]) => ({ text: `/env ${name} `, usage, about }));
}

/** Branches of the shop, those that most projects have first. */
function branches(verb, begun) {
  const found = featureBranches().filter(([name]) => name.includes(begun) && name !== begun);
  return found.slice(0, MOST).map(([name, projects]) => ({
    text: `/env ${verb} ${name}`,
    usage: "",
    about: projects.map((path) => path.split("/").pop()).join(", "),
  }));
}

/** Every branch but the default one, with the projects that have it. */
export function featureBranches() {
  const found = new Map();
  for (const [project, heads] of Object.entries(state.branches)) {
    for (const name of Object.keys(heads)) {
      if (name !== "main") found.set(name, [...(found.get(name) ?? []), project]);
    }
  }
  return [...found].sort(
    (one, other) => other[1].length - one[1].length || one[0].localeCompare(other[0]),
  );
}
