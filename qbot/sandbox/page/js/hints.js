// What the composer proposes while somebody types a command.

import { state } from "/page/js/state.js";

// In the words of `/env help`; a test compares them.
const VERBS = [
  [
    "create",
    "[branch] [--from ENV] [--services a,b] [--set svc=ref]... [--ttl 3d] [--dry-run]",
    "Bring a branch up as an environment of its own",
  ],
  [
    "promote",
    "FROM TO [svc...] [--running a,b] [--reason \"TEXT\"] [--dry-run]",
    "Move versions to a stage, with approvals",
  ],
  ["list", "[text] [--mine] [--all] [--idle] [--failed]", "The environments there are"],
  ["show", "STAGE|ENV", "Services, versions, state"],
  [
    "sync",
    "ENV [svc...] [--prune] [--hard] [--refresh] [--dry-run]",
    "Bring an environment to its newest commits",
  ],
  ["deploy", "ENV svc=ref... [--dry-run]", "Run another version of single services"],
  ["diff", "A B", "What differs between two stages or environments"],
  [
    "rollback",
    "STAGE|ENV [svc...] [--to P-12] [--reason \"TEXT\"] [--break-glass] [--dry-run]",
    "Put earlier versions back",
  ],
  ["release", "STAGE [svc...]", "Let go of what a rollback holds"],
  ["history", "STAGE|ENV", "What was done, newest first"],
  ["freeze", "STAGE reason... [--until 2026-12-24T18:00]", "Let nothing be promoted for a while"],
  ["unfreeze", "STAGE", "End a freeze"],
  ["lock", "STAGE|ENV reason... [--for 2h]", "Keep it to yourself for a while"],
  ["unlock", "STAGE|ENV", "Give it free again"],
  ["run", "STAGE|ENV job [--reason \"TEXT\"]", "Run a named job"],
  ["can", "verb [STAGE|ENV...]", "Whether somebody may, and by which rule"],
  ["extend", "ENV 2d", "Let it live longer"],
  ["pin", "ENV [reason...] [--until 2026-12-24T18:00]", "Keep it whatever its lifetime"],
  ["unpin", "ENV", "Give it its lifetime back"],
  ["transfer", "ENV @user", "Give it to somebody else"],
  ["reaper", "[pause|resume|plan|orphans] [reason...]", "What goes by itself, and stopping that"],
  ["digest", "[on|off] [HH:MM]", "What needs you, each morning"],
  ["link", "", "Connect your GitLab account"],
  ["doctor", "", "Whether Qbot has all that it needs"],
  ["delete", "[ENV]", "Tear an environment down"],
  ["restore", "[ENV]", "Bring a deleted one back"],
  ["help", "[verb]", "What there is"],
];
const OTHERS = [
  ["/env ", "<command>", "Branch environments"],
  ["/invite @qbot", "", "Ask Qbot into this channel"],
];
const TAKES_BRANCH = [
  "create",
  "show",
  "sync",
  "deploy",
  "delete",
  "extend",
  "pin",
  "unpin",
  "transfer",
];
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
