// rich_text blocks -> nodes.

import { dateText, fullTime } from "/page/js/dates.js";
import { h } from "/page/js/dom.js";
import { emojiSign } from "/page/js/emoji.js";
import { channelMention, link, userMention } from "/page/js/mrkdwn.js";

const TAGS = [
  ["bold", "strong"],
  ["italic", "em"],
  ["strike", "s"],
  ["underline", "u"],
  ["code", "code"],
];

/** All parts of a rich_text block. */
export const richText = (block) => block.elements.map(part);

function part(element) {
  const inner = () => element.elements.map(leaf);
  switch (element.type) {
    case "rich_text_section":
      return h("div", null, inner());
    case "rich_text_preformatted":
      return h("pre", null, inner());
    case "rich_text_quote":
      return h("blockquote", null, inner());
    case "rich_text_list": {
      const items = element.elements.map((item) => h("li", null, item.elements.map(leaf)));
      const tag = element.style === "ordered" ? "ol" : "ul";
      return h(
        tag,
        {
          class: `indent-${element.indent ?? 0}`,
          start: element.offset ? element.offset + 1 : null,
        },
        items,
      );
    }
    default:
      return h("div", { class: "unsupported" }, `${element.type} is not shown here`);
  }
}

function leaf(element) {
  const styled = (node) =>
    TAGS.reduce(
      (inner, [style, tag]) => (element.style?.[style] ? h(tag, null, inner) : inner),
      node,
    );
  switch (element.type) {
    case "text":
      return styled(h("span", { class: "pre-line" }, element.text));
    case "link":
      return styled(link(element.url, element.text ?? element.url));
    case "emoji":
      return h(
        "span",
        { class: "emoji", role: "img", "aria-label": element.name.replaceAll("_", " ") },
        emojiSign(element.name),
      );
    case "user":
      return styled(userMention(element.user_id));
    case "channel":
      return styled(channelMention(element.channel_id));
    case "usergroup":
      return h("span", { class: "mention" }, `@${element.usergroup_id}`);
    case "broadcast":
      return h("span", { class: "mention" }, `@${element.range}`);
    case "date":
      return h(
        "time",
        { title: fullTime(element.timestamp) },
        dateText(element.timestamp, element.format),
      );
    default:
      return h("span", { class: "unsupported" }, element.fallback ?? element.type);
  }
}
