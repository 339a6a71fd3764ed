// Interactive elements of Block Kit that hold a value: `{node, read(), write(value)}`.

import { post } from "/page/js/api.js";
import { h } from "/page/js/dom.js";
import { textNodes } from "/page/js/mrkdwn.js";
import { state } from "/page/js/state.js";

const INPUT_TYPES = {
  plain_text_input: "text",
  number_input: "text",
  email_text_input: "email",
  url_text_input: "url",
  datepicker: "date",
  timepicker: "time",
  datetimepicker: "datetime-local",
};
const FIRST = [
  "initial_value",
  "initial_date",
  "initial_time",
  "initial_date_time",
  "initial_option",
  "initial_options",
  "initial_user",
  "initial_users",
  "initial_channel",
  "initial_channels",
  "initial_conversation",
  "initial_conversations",
];
const valueOf = (one) => (one && typeof one === "object" ? one.value : one);
let names = 0;

/** What an element starts with: its state at the server, else what the app chose. */
export function startValue(element, kept) {
  const held = Object.entries(kept ?? {}).find(([name]) => name !== "type");
  const name = FIRST.find((one) => one in element);
  const value = held ? held[1] : element[name];
  return Array.isArray(value) ? value.map(valueOf) : (valueOf(value) ?? null);
}

/** The control of one element; `changed(value)` is called when somebody sets it. */
export function control(element, changed, options = {}) {
  const kind = element.type;
  if (kind === "checkboxes" || kind === "radio_buttons") return boxes(element, changed);
  if (kind === "external_select" || kind === "multi_external_select")
    return external(element, changed, options);
  if (kind.startsWith("multi_")) return many(element, changed);
  if (kind.endsWith("_select")) return select(element, changed);
  if (kind in INPUT_TYPES) return written(element, changed);
  const node = h("span", { class: "unsupported" }, `${kind} is not shown here`);
  return { node, read: () => null, write: () => {} };
}

const placeholder = (element, otherwise) => element.placeholder?.text ?? otherwise;

function written(element, changed) {
  const props = {
    class: "field",
    placeholder: placeholder(element, null),
    maxlength: element.max_length,
    minlength: element.min_length,
    onchange: () => changed(read()),
    onkeydown: (event) => enter(event),
  };
  const node = element.multiline
    ? h("textarea", { ...props, rows: 4 })
    : h("input", {
        ...props,
        type: INPUT_TYPES[element.type],
        inputmode: element.type === "number_input" ? "decimal" : null,
      });
  const moment = element.type === "datetimepicker";
  const enter = (event) => {
    const triggers = element.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
    if (event.key === "Enter" && element.dispatches && triggers.includes("on_enter_pressed")) {
      event.preventDefault();
      changed(read());
    }
  };
  const read = () =>
    node.value === "" ? null : moment ? Math.floor(new Date(node.value) / 1000) : node.value;
  const write = (value) => {
    node.value = value === null ? "" : moment ? localMinute(value) : value;
  };
  return { node, read, write };
}

function localMinute(unix) {
  const local = new Date((unix - new Date(unix * 1000).getTimezoneOffset() * 60) * 1000);
  return local.toISOString().slice(0, 16);
}

/** Options of any select, as `{value, label, group}`. */
function choices(element) {
  const kind = element.type.replace("multi_", "");
  if (kind === "users_select") {
    const people = [...state.users.values()].filter((user) => !user.deleted);
    return people.map((user) => ({ value: user.id, label: user.real_name }));
  }
  if (kind === "channels_select" || kind === "conversations_select") {
    return state.channels.map((channel) => ({ value: channel.id, label: `#${channel.name}` }));
  }
  const groups = element.option_groups ?? [{ options: element.options ?? [] }];
  return groups.flatMap((group) =>
    group.options.map((one) => ({
      value: one.value,
      label: one.text.text,
      about: one.description?.text,
      group: group.label?.text,
    })),
  );
}

function select(element, changed) {
  const found = choices(element);
  const groups = [...new Set(found.map((one) => one.group))];
  const option = (one) => h("option", { value: one.value }, one.label);
  const options = groups.map((group) => {
    const inside = found.filter((one) => one.group === group).map(option);
    return group ? h("optgroup", { label: group }, inside) : inside;
  });
  const node = h(
    "select",
    {
      class: "field select",
      onchange: () => changed(read()),
      "aria-label": placeholder(element, "Choose"),
    },
    h("option", { value: "" }, placeholder(element, "Choose an option")),
    options,
  );
  const read = () => node.value || null;
  return { node, read, write: (value) => (node.value = value ?? "") };
}

function boxes(element, changed) {
  const single = element.type === "radio_buttons";
  const name = `choice-${(names += 1)}`;
  const inputs = [];
  const row = (one) => {
    const input = h("input", {
      type: single ? "radio" : "checkbox",
      name,
      value: one.value,
      onchange: () => changed(read()),
    });
    inputs.push(input);
    const about = one.description
      ? h("span", { class: "about" }, textNodes(one.description))
      : null;
    return h("label", { class: "choice" }, input, h("span", null, textNodes(one.text), about));
  };
  const node = h("div", { class: "choices", role: "group" }, element.options.map(row));
  const read = () => {
    const chosen = inputs.filter((input) => input.checked).map((input) => input.value);
    return single ? (chosen[0] ?? null) : chosen;
  };
  const write = (value) => {
    for (const input of inputs) input.checked = [value].flat().includes(input.value);
  };
  return { node, read, write };
}

/** A multi-select: what is chosen as a summary, all options behind it. */
function many(element, changed) {
  const found = choices(element);
  const inputs = [];
  const row = (one) => {
    const input = h("input", { type: "checkbox", value: one.value, onchange: () => show(true) });
    inputs.push(input);
    return h(
      "label",
      { class: "choice", dataset: { label: one.label.toLowerCase() } },
      input,
      h("span", null, one.label),
    );
  };
  const rows = found.map(row);
  const search = h("input", {
    class: "field",
    type: "search",
    placeholder: "Filter",
    "aria-label": "Filter",
    oninput: () => narrow(),
  });
  const summary = h("summary", { class: "field select" });
  const node = h(
    "details",
    { class: "many" },
    summary,
    h("div", { class: "menu" }, found.length > 12 ? search : null, rows),
  );
  const narrow = () => {
    for (const one of rows) one.hidden = !one.dataset.label.includes(search.value.toLowerCase());
  };
  const read = () => inputs.filter((input) => input.checked).map((input) => input.value);
  const show = (tell) => {
    const labels = found.filter((one) => read().includes(one.value)).map((one) => one.label);
    summary.replaceChildren(
      ...(labels.length
        ? labels.map((label) => h("span", { class: "chip" }, label))
        : [placeholder(element, "Choose options")]),
    );
    const most = element.max_selected_items ?? Infinity;
    for (const input of inputs) input.disabled = !input.checked && labels.length >= most;
    if (tell) changed(read());
  };
  const write = (value) => {
    for (const input of inputs) input.checked = (value ?? []).includes(input.value);
    show(false);
  };
  write([]);
  return { node, read, write };
}

/** A select whose options the app sends while somebody types. */
function external(element, changed, options) {
  const single = element.type === "external_select";
  const id = `found-${(names += 1)}`;
  const list = h("datalist", { id });
  const labels = new Map();
  const node = h("input", {
    class: "field",
    list: id,
    placeholder: placeholder(element, "Type to search"),
    onchange: () => changed(read()),
  });
  node.addEventListener("input", async () => {
    if (!options.view_id || node.value.length < (element.min_query_length ?? 3)) return;
    const body = {
      user: state.user,
      view_id: options.view_id,
      action_id: element.action_id,
      value: node.value,
    };
    const answer = await post("options", body).catch(() => ({ options: [] }));
    for (const one of answer.options) labels.set(one.text.text, one.value);
    list.replaceChildren(...answer.options.map((one) => h("option", { value: one.text.text })));
  });
  const read = () => {
    const value = labels.get(node.value) ?? null;
    return single ? value : value === null ? [] : [value];
  };
  return {
    node: h("span", null, node, list),
    read,
    write: (value) => (node.value = [value ?? ""].flat().join(", ")),
  };
}
