// Pressing and choosing: what leaves the page when somebody uses an element of a block.

import { post } from "/page/js/api.js";
import { openLink } from "/page/js/links.js";
import { ask, toast, told } from "/page/js/notice.js";
import { state } from "/page/js/state.js";

const FAILURES = {
  operation_timeout: "Qbot did not answer within three seconds.",
  dispatch_failed: "Qbot is not reachable. Is it running?",
};

/**
 * Use an element. `place` is `{channel, ts}` or `{view_id}`; `value` tells buttons with one
 * action id apart, or is what was chosen.
 */
export async function act(place, element, value, control = null) {
  if (element.confirm && !(await ask({ style: element.style, ...element.confirm }))) return;
  if (element.url) openLink(element.url);
  control?.setAttribute("aria-busy", "true");
  const body = { user: state.user, action_id: element.action_id, ...place };
  if (value !== undefined) body.value = value;
  const answer = await told(() => post("click", body));
  control?.removeAttribute("aria-busy");
  if (answer) complain(answer);
}

/** Slack's client shows a small sign where an app fails to answer; here it is a sentence. */
export function complain(answer) {
  const code = answer.error ?? "";
  const failed = code || answer.http_status >= 400;
  if (failed)
    toast(FAILURES[code] ?? `Qbot answered with an error (${code || answer.http_status}).`, "bad");
}
