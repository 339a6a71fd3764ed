// A conversation: its messages, each kept as the same node for as long as it is shown.

import { showBlocks } from "/page/js/blocks.js";
import { clockTime, dayOf, fullTime } from "/page/js/dates.js";
import { avatar, byId, fill, fillIfNew, h, icon } from "/page/js/dom.js";
import { emojiSign } from "/page/js/emoji.js";
import { mrkdwn } from "/page/js/mrkdwn.js";
import { state } from "/page/js/state.js";

const NEAR = 60; // pixels from the bottom that still count as being at the bottom

const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) if (target.atBottom) target.scrollTop = target.scrollHeight;
});

/** Who reads the newest message goes on seeing it when the window changes its size. */
export function keptAtBottom(scroller) {
  scroller.atBottom = true;
  scroller.addEventListener("scroll", () => (scroller.atBottom = nearBottom(scroller)));
  resized.observe(scroller);
  return scroller;
}

const nearBottom = (scroller) =>
  scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;

/**
 * Show `messages` in `list`: new ones appear, changed ones change in place, others stay.
 * `openThread(ts)` is left out inside of a thread.
 */
export function showMessages(
  list,
  channel,
  messages,
  { openThread = null, fresh = false, empty = null } = {},
) {
  const scroller = list.closest(".scroller") ?? list;
  const atBottom = nearBottom(scroller);
  const items = withDays(messages);
  sync(
    list,
    items,
    (item) => (item.day ? dayNode(item.day) : messageNode(item.message, channel, openThread)),
    (node, item) => {
      if (item.message) update(node, item.message, channel, openThread);
    },
    fresh,
  );
  list.classList.toggle("is-empty", messages.length === 0);
  if (empty) empty.hidden = messages.length > 0;
  if (fresh || atBottom) scroller.scrollTop = scroller.scrollHeight;
}

function withDays(messages) {
  let day = "";
  return messages.flatMap((message) => {
    const own = dayOf(Number(message.ts));
    const item = { key: message.ts, message };
    if (own === day) return [item];
    day = own;
    return [{ key: `day ${own}`, day: own }, item];
  });
}

/** Make the children of `list` those of `items`, in their order, by key. */
function sync(list, items, make, renew, fresh) {
  const old = new Map([...list.children].map((node) => [node.dataset.key, node]));
  let before = list.firstElementChild;
  for (const item of items) {
    let node = old.get(item.key);
    old.delete(item.key);
    if (node) renew(node, item);
    else {
      node = make(item);
      node.dataset.key = item.key;
      if (!fresh) arrive(node, item);
    }
    if (node === before) before = before.nextElementSibling;
    else list.insertBefore(node, before);
  }
  for (const node of old.values()) node.remove();
}

function arrive(node, item) {
  node.classList.add("arriving");
  if (item.message && item.message.user !== state.user)
    announce(item.message);
}

/** For screen readers: the words as they are shown, without the marks around them. */
function announce({ user, user_id, text }) {
  const words = h("span", null, mrkdwn(text)).textContent.replaceAll(/\s+/g, " ").trim();
  byId("announcer").textContent = `${state.users.get(user_id)?.real_name ?? user}: ${words}`;
}

const dayNode = (day) => h("div", { class: "day", role: "separator" }, h("span", null, day));

function messageNode(message, channel, openThread) {
  const author = state.users.get(message.user_id) ?? {
    name: message.user,
    real_name: message.user,
  };
  const at = Number(message.ts);
  const node = h(
    "article",
    {
      class: message.ephemeral ? "message ephemeral" : "message",
      "aria-label": `${author.real_name}, ${clockTime(at)}`,
      dataset: { ts: message.ts },
    },
    avatar(author),
    h(
      "div",
      { class: "body" },
      message.ephemeral ? h("div", { class: "only" }, icon("eye"), "Only visible to you") : null,
      h(
        "div",
        { class: "who" },
        h("strong", null, author.real_name),
        author.bot ? h("span", { class: "badge" }, "App") : null,
        author.external ? h("span", { class: "badge" }, "External") : null,
        h("time", { title: fullTime(at) }, clockTime(at)),
        h("span", { class: "edited" }),
      ),
      h("div", { class: "content" }),
      h("div", { class: "foot" }),
    ),
  );
  update(node, message, channel, openThread);
  return node;
}

function update(node, message, channel, openThread) {
  const source = JSON.stringify(message);
  if (node.source === source) return;
  node.source = source;
  node.querySelector(".edited").textContent = message.edited ? "edited" : "";
  const place = { place: { channel, ts: message.ts } };
  const content = node.querySelector(".content");
  if (message.blocks.length) {
    if (content.dataset.plain) fill(content);
    delete content.dataset.plain;
    showBlocks(content, message.blocks, place);
  } else {
    content.dataset.plain = "yes";
    fill(content, h("div", { class: "block text" }, mrkdwn(message.text)));
  }
  const { attachments, files, reply_count, thread_ts } = message;
  const foot = [attachments, files, message.reactions, reply_count, thread_ts];
  fillIfNew(node.querySelector(".foot"), foot, () => [
    attachments.map((one) => attachment(one, place)),
    files.map(file),
    reactions(message),
    threadLink(message, openThread),
  ]);
}

function attachment(one, place) {
  const node = h("div", { class: "attachment" });
  if (/^#?[0-9a-f]{6}$/i.test(one.color ?? ""))
    node.style.borderColor = `#${one.color.replace("#", "")}`;
  if (one.pretext) node.append(h("div", null, mrkdwn(one.pretext)));
  if (one.title) node.append(h("strong", null, mrkdwn(one.title)));
  if (one.text) node.append(h("div", null, mrkdwn(one.text)));
  const blocks = h("div");
  showBlocks(blocks, one.blocks ?? [], place);
  node.append(blocks);
  return node;
}

const file = (one) => h("div", { class: "file" }, one.title ?? one.name ?? one.id);

function reactions(message) {
  const found = Object.entries(message.reactions);
  if (!found.length) return null;
  return h(
    "div",
    { class: "reactions" },
    found.map(([name, count]) =>
      h("span", { class: "reaction", title: `:${name}:` }, emojiSign(name), ` ${count}`),
    ),
  );
}

function threadLink(message, openThread) {
  if (!openThread) return null;
  const parent =
    message.thread_ts && message.thread_ts !== message.ts ? message.thread_ts : message.ts;
  const count = message.reply_count;
  if (!count && parent === message.ts) return null;
  const label =
    parent === message.ts ? `${count} ${count === 1 ? "reply" : "replies"}` : "View the thread";
  return h(
    "button",
    { type: "button", class: "thread-link", onclick: () => openThread(parent) },
    icon("reply"),
    label,
  );
}
