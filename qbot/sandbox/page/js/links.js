// Where links lead: to a message on this page, to a sentence, or away.

import { toast } from "/page/js/notice.js";
import { state } from "/page/js/state.js";

const PERMALINK = /^https:\/\/[\w-]+\.slack\.com\/archives\/(\w+)\/p(\d+)(\d{6})$/;

/** Hosts of the made-up shop exist nowhere. */
const leadsNowhere = (url) => new URL(url, location.href).hostname.endsWith(".example");

export function openLink(url) {
  if (!/^(https?:\/\/|mailto:)/i.test(url)) return;
  if (leadsNowhere(url)) toast(`In a real installation this opens ${url}`);
  else window.open(url, "_blank", "noopener,noreferrer");
}

/** A link to a message shows it here; `choose(id)` opens its channel. */
export async function follow(url, choose) {
  const [, channel, seconds, rest] = PERMALINK.exec(url) ?? [];
  if (!channel) return openLink(url);
  if (!state.channels.some((one) => one.id === channel))
    return toast(`${state.user} does not see the channel of this message.`);
  if (channel !== state.channel) await choose(channel);
  return pointAt(`${seconds}.${rest}`);
}

function pointAt(ts) {
  const node = document.querySelector(`#messages .message[data-ts="${ts}"]`);
  if (!node) return toast("This message is no longer there.");
  node.scrollIntoView({ block: "center" });
  node.classList.remove("pointed");
  void node.offsetWidth; // begins the animation anew
  return node.classList.add("pointed");
}
