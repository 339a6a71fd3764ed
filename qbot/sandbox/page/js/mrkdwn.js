// Slack's mrkdwn -> nodes. Everything that came from outside ends up in text nodes.

import { dateText, fullTime } from "/page/js/dates.js";
import { h } from "/page/js/dom.js";
import { emojiAt } from "/page/js/emoji.js";
import { state } from "/page/js/state.js";

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
const STYLES = { "*": "strong", _: "em", "~": "s" };
const WORD = /[\p{L}\p{N}]/u;

export const unescape = (text) => text.replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity]);

/** A `mrkdwn` or `plain_text` object as nodes. */
export function textNodes(object) {
  if (!object) return [];
  if (object.type === "plain_text") return plainNodes(object.text, object.emoji !== false);
  return mrkdwn(object.text, { verbatim: object.verbatim === true });
}

/** Text that nothing interprets but short codes of emoji. */
export function plainNodes(text, emoji = true) {
  return emoji ? inline(text, { plain: true, verbatim: true }) : [text];
}

/** Blocks first (code, quotes), then what stands inside a line. */
export function mrkdwn(text, options = {}) {
  return text.split(/```/).flatMap((part, index, parts) => {
    const closed = index % 2 === 1 && index < parts.length - 1;
    if (closed) return [h("pre", null, codeText(part.replace(/^\n|\n$/g, "")))];
    const before = index > 0 ? part.replace(/^\n/, "") : part;
    return lines((index % 2 === 1 ? "```" : "") + before, options);
  });
}

function lines(text, options) {
  const nodes = [];
  let plain = [];
  let quoted = [];
  const flush = () => {
    if (quoted.length) nodes.push(h("blockquote", null, inline(quoted.join("\n"), options)));
    if (plain.length) nodes.push(...inline(plain.join("\n"), options));
    plain = [];
    quoted = [];
  };
  for (const line of text.split("\n")) {
    const quote = /^(?:&gt;|>) ?(.*)$/.exec(line);
    if (Boolean(quote) !== quoted.length > 0) flush();
    if (quote) quoted.push(quote[1]);
    else plain.push(line);
  }
  flush();
  return nodes;
}

function inline(text, options) {
  const nodes = [];
  let literal = "";
  const push = (node) => {
    if (literal) nodes.push(options.plain ? literal : unescape(literal));
    literal = "";
    nodes.push(...[node].flat());
  };
  for (let at = 0; at < text.length;) {
    const found = special(text, at, options);
    if (found) {
      push(found.node);
      at += found.length;
    } else {
      literal += text[at];
      at += 1;
    }
  }
  if (literal) nodes.push(options.plain ? literal : unescape(literal));
  return nodes;
}

/** The construct that begins at `at`, as `{node, length}`, or null for an ordinary character. */
function special(text, at, options) {
  const sign = text[at];
  if (sign === "\n") return { node: h("br"), length: 1 };
  if (sign === ":") return emoji(text.slice(at));
  if (options.plain) return null;
  if (sign === "<") return angle(text.slice(at));
  if (sign === "`") return code(text.slice(at));
  if (sign in STYLES) return styled(text, at, options);
  if (sign === "h" && !options.verbatim && !WORD.test(text[at - 1] ?? ""))
    return bareLink(text.slice(at));
  return null;
}

function emoji(text) {
  const found = emojiAt(text);
  if (!found) return null;
  const label = found.code.replaceAll("_", " ");
  return {
    node: h(
      "span",
      { class: "emoji", role: "img", "aria-label": label, title: `:${found.code}:` },
      found.sign,
    ),
    length: found.length,
  };
}

function code(text) {
  const match = /^`([^`\n]+)`/.exec(text);
  return match && { node: h("code", null, codeText(match[1])), length: match[0].length };
}

/** Inside code only links and mentions mean something; they show as their words. */
function codeText(text) {
  return unescape(text.replace(/<([^<>\n]+)>/g, (_, body) => angleNode(body).textContent));
}

function styled(text, at, options) {
  const sign = text[at];
  if (WORD.test(text[at - 1] ?? "") || /\s|^$/.test(text[at + 1] ?? "")) return null;
  const end = closing(text, at + 1, sign);
  if (end < 0) return null;
  return {
    node: h(STYLES[sign], null, inline(text.slice(at + 1, end), options)),
    length: end + 1 - at,
  };
}

/** Where a style ends: not after a space, not before a letter, not inside code or a link. */
function closing(text, from, sign) {
  for (let at = from; at < text.length && text[at] !== "\n"; at += 1) {
    const skip = { "`": "`", "<": ">" }[text[at]];
    const jump = skip ? text.indexOf(skip, at + 1) : -1;
    if (jump > 0) at = jump;
    else if (
      text[at] === sign &&
      at > from &&
      !/\s/.test(text[at - 1]) &&
      !WORD.test(text[at + 1] ?? "")
    )
      return at;
  }
  return -1;
}

function bareLink(text) {
  const match = /^https?:\/\/[^\s<>|]+[^\s<>|.,;:!?)'"]/.exec(text);
  return match && { node: link(unescape(match[0]), unescape(match[0])), length: match[0].length };
}

function angle(text) {
  const match = /^<([^<>\n]+)>/.exec(text);
  return match && { node: angleNode(match[1]), length: match[0].length };
}

function angleNode(body) {
  const bar = body.indexOf("|");
  const target = bar < 0 ? body : body.slice(0, bar);
  const label = bar < 0 ? "" : unescape(body.slice(bar + 1));
  if (target.startsWith("@")) return userMention(target.slice(1), label);
  if (target.startsWith("#")) return channelMention(target.slice(1), label);
  if (target.startsWith("!date^")) return dateNode(target, label);
  if (target.startsWith("!"))
    return h("span", { class: "mention" }, label || `@${target.slice(1).split("^")[0]}`);
  return link(unescape(target), label || unescape(target));
}

/** Somebody, by id. */
export function userMention(id, label = "") {
  const user = state.users.get(id);
  const own = user?.name === state.user;
  return h("span", { class: own ? "mention own" : "mention" }, `@${user?.name ?? (label || id)}`);
}

/** A conversation, by id. */
export function channelMention(id, label = "") {
  const channel = state.channels.find((one) => one.id === id);
  return h("span", { class: "mention" }, `#${channel?.name ?? (label || id)}`);
}

function dateNode(target, fallback) {
  const [, unix, pattern, url] = target.split("^");
  const at = Number(unix);
  if (!Number.isFinite(at) || !pattern) return h("span", null, fallback);
  const shown = h(
    "time",
    { datetime: new Date(at * 1000).toISOString(), title: fullTime(at) },
    dateText(at, unescape(pattern)),
  );
  return url ? link(unescape(url), shown) : shown;
}

/** A link where it leads somewhere harmless, else only its words. */
export function link(url, label) {
  if (!/^(https?:\/\/|mailto:)/i.test(url)) return h("span", null, label);
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, label);
}
