// What the composer proposes while somebody types a command.

import { state } from "/page/js/state.js";

const VERBS = [
  [
    "create",
    "<branch> [--services a,b] [--ttl 3d] [--dry-run]",
    "Bring a branch up as an environment of its own",
  ],
  ["promote", "<from> <to> [service...] [--dry-run]", "Move versions to a stage, with approvals"],
  ["list", "[--mine] [--failed] [text]", "The environments there are"],
  ["show", "<branch>", "One environment: services, versions, state"],
  ["sync", "<branch> [service...]", "Bring an environment to its newest commits"],
  ["deploy", "<branch> <service>=<ref>", "Run another version of single services"],
  ["diff", "<a> <b>", "What differs between two stages or environments"],
  ["rollback", "<stage> [service...]", "Put earlier versions back, and hold them"],
  ["release", "<stage> [service...]", "Let go of what a rollback holds"],
  ["history", "<stage>", "What was done, newest first"],
  ["freeze", "<stage> [reason] [--until 2h]", "Let nothing be promoted for a while"],
  ["unfreeze", "<stage>", "End a freeze"],
  ["lock", "<stage> [reason] [--for 2h]", "Keep it to yourself for a while"],
  ["unlock", "<stage>", "Give it free again"],
  ["run", "<branch> <job>", "Run a named job"],
  ["can", "[@user] <verb> <stage>", "Whether somebody may, and by which rule"],
  ["delete", "<branch>", "Tear an environment down"],
  ["help", "[command]", "What there is"],
];
const OTHERS = [
  ["/env ", "<command>", "Branch environments"],
  ["/invite @qbot", "", "Ask Qbot into this channel"],
];
const TAKES_BRANCH = ["create", "show", "sync", "deploy", "delete"];
const STAGES = ["staging", "production"];
const MOST = 8;

/** Proposals for what was typed so far: `{text, usage, about}`, the whole line each. */
export function hints(typed) {
  if (!typed.startsWith("/")) return [];
  const verb = /^\/env +(\S*)$/.exec(typed);
  if (verb) return verbs(verb[1]);
  const branch = /^\/env +(\w+) +(\S*)$/.exec(typed);
  if (typed === "/env promote ") return [promotion()];
  if (branch && TAKES_BRANCH.includes(branch[1])) return branches(branch[1], branch[2]);
  if (typed === "/env") return verbs("");
  return OTHERS.filter(([text]) => text.startsWith(typed) && text !== typed).map(
    ([text, usage, about]) => ({ text, usage, about }),
  );
}

const promotion = () => ({
  text: `/env promote ${STAGES.join(" ")}`,
  usage: "",
  about: "What staging runs newer",
});

function verbs(begun) {
  const fitting = VERBS.filter(([name]) => name.startsWith(begun) && name !== begun);
  return fitting
    .slice(0, MOST)
    .map(([name, usage, about]) => ({ text: `/env ${name} `, usage, about }));
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

/** Every branch that somebody works on, with the projects that have it. */
export function featureBranches() {
  const found = new Map();
  for (const [project, heads] of Object.entries(state.branches)) {
    for (const name of Object.keys(heads)) {
      const own = name === "main" || STAGES.includes(name) || name.startsWith("qbot/");
      if (!own) found.set(name, [...(found.get(name) ?? []), project]);
    }
  }
  return [...found].sort(
    (one, other) => other[1].length - one[1].length || one[0].localeCompare(other[0]),
  );
}
