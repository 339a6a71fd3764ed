// Block Kit -> nodes.

import { act } from "/page/js/actions.js";
import { h, icon } from "/page/js/dom.js";
import { control, startValue } from "/page/js/elements.js";
import { plainNodes, textNodes } from "/page/js/mrkdwn.js";
import { openLink } from "/page/js/links.js";
import { richText } from "/page/js/richtext.js";

const RENDERERS = {
  header: (block) => h("h3", { class: "block header" }, textNodes(block.text)),
  divider: () => h("hr", { class: "block divider" }),
  section,
  context: (block) => h("div", { class: "block context" }, block.elements.map(contextElement)),
  actions: (block, where) =>
    h(
      "div",
      { class: "block actions", role: "group", "aria-label": "Actions" },
      block.elements.map((one) => element(block, one, where)),
    ),
  image: (block) =>
    h(
      "figure",
      { class: "block image" },
      block.title ? h("figcaption", null, textNodes(block.title)) : null,
      picture(block),
    ),
  rich_text: (block) => h("div", { class: "block rich" }, richText(block)),
  table: (block) =>
    h("div", { class: "block" }, h("table", null, h("tbody", null, block.rows.map(tableRow)))),
  alert: (block) =>
    h(
      "div",
      { class: `block alert ${block.level ?? "default"}`, role: "note" },
      textNodes(block.text),
    ),
  input: inputBlock,
};

/**
 * One block. `where.place` is where its elements act from; in a view, `where.fields` collects
 * the inputs by action id, and `where.kept(block, element)` is the state of one.
 */
export function blockNode(block, where) {
  const render = RENDERERS[block.type];
  if (!render)
    return h(
      "div",
      { class: "block unsupported" },
      `A block of type ${block.type} is not shown here.`,
    );
  return render(block, where);
}

/** Show `blocks` in `container`; what did not change stays, with its focus and its state. */
export function showBlocks(container, blocks, where) {
  const focused = container.contains(document.activeElement) ? document.activeElement : null;
  const spot = focused?.dataset.action;
  blocks.forEach((block, index) => {
    const source = JSON.stringify(block);
    const old = container.children[index];
    if (old?.source === source) return;
    const node = blockNode(block, where);
    node.source = source;
    if (old) old.replaceWith(node);
    else container.append(node);
  });
  while (container.children.length > blocks.length) container.lastElementChild.remove();
  if (focused && !focused.isConnected && spot) {
    [...container.querySelectorAll("[data-action]")]
      .find((one) => one.dataset.action === spot)
      ?.focus();
  }
}

function section(block, where) {
  const text = block.text ? h("div", { class: "text" }, textNodes(block.text)) : null;
  const fields = block.fields
    ? h(
        "div",
        { class: "fields" },
        block.fields.map((field) => h("div", null, textNodes(field))),
      )
    : null;
  const side = block.accessory
    ? h("div", { class: "accessory" }, element(block, block.accessory, where))
    : null;
  return h("div", { class: "block section" }, h("div", { class: "grow" }, text, fields), side);
}

function contextElement(one) {
  return one.type === "image" ? picture(one) : h("span", null, textNodes(one));
}

/** A file is shown; a picture from elsewhere is not loaded: its description stands for it. */
function picture(source) {
  const file = source.slack_file?.id;
  const src = file ? `/slack/files/${encodeURIComponent(file)}` : (source.image_url ?? "");
  const image = h("img", { src, alt: source.alt_text, loading: "lazy" });
  image.addEventListener("error", () =>
    image.replaceWith(h("span", { class: "no-picture" }, source.alt_text)),
  );
  return image;
}

function tableRow(cells) {
  return h(
    "tr",
    null,
    cells.map((cell) =>
      h("td", null, cell.type === "rich_text" ? richText(cell) : (cell.text ?? String(cell.value))),
    ),
  );
}

function element(block, one, where) {
  if (one.type === "button") return button(one, where);
  if (one.type === "overflow") return overflow(one, where);
  if (one.type === "image") return picture(one);
  const made = control(one, (value) => act(where.place, one, value, made.node), where.place);
  made.write(startValue(one, where.kept?.(block, one)));
  made.node.dataset.action = one.action_id;
  return made.node;
}

function button(one, where) {
  const node = h(
    "button",
    {
      type: "button",
      class: `button ${one.style ?? ""}`,
      "aria-label": one.accessibility_label,
      dataset: { action: one.action_id },
      onclick: () => act(where.place, one, one.value, node),
    },
    plainNodes(one.text.text, one.text.emoji !== false),
    one.url ? h("span", { class: "away", "aria-hidden": "true" }, "↗") : null,
  );
  return node;
}

function overflow(one, where) {
  const pick = (option) => {
    node.open = false;
    if (option.url) openLink(option.url);
    act(where.place, one, option.value, node);
  };
  const item = (option) =>
    h(
      "button",
      { type: "button", class: "item", onclick: () => pick(option) },
      textNodes(option.text),
    );
  const summary = h("summary", { class: "button", "aria-label": "More" }, icon("dots"));
  const node = h(
    "details",
    { class: "overflow", dataset: { action: one.action_id } },
    summary,
    h("div", { class: "menu" }, one.options.map(item)),
  );
  return node;
}

function inputBlock(block, where) {
  const one = { ...block.element, dispatches: block.dispatch_action };
  const changed = (value) => {
    where.touched?.(block);
    if (block.dispatch_action) act(where.place, one, value, made.node);
  };
  const made = control(one, changed, where.place);
  made.write(startValue(one, where.kept?.(block, one)));
  where.fields?.set(one.action_id, { ...made, block: block.block_id });
  const id = `input-${block.block_id}-${one.action_id}`;
  const labelled = made.node.matches("input, select, textarea");
  if (labelled) {
    made.node.id = id;
    made.node.setAttribute("aria-describedby", `${id}-error`);
    made.node.removeAttribute("aria-label");
  } else made.node.setAttribute("aria-label", block.label.text);
  made.node.dataset.action = one.action_id;
  if (one.focus_on_load) made.node.setAttribute("autofocus", "");
  return h(
    "div",
    { class: "block input", dataset: { block: block.block_id } },
    h(
      labelled ? "label" : "div",
      { class: "label", for: labelled ? id : null },
      textNodes(block.label),
      block.optional ? h("span", { class: "optional" }, " (optional)") : null,
    ),
    made.node,
    h("div", { class: "error", id: `${id}-error`, role: "alert" }),
    block.hint ? h("div", { class: "hint" }, textNodes(block.hint)) : null,
  );
}
