// Who looks, the conversations that this person sees, and the line above the open one.

import { avatar, byId, fillIfNew, h, icon } from "/page/js/dom.js";
import { PERSONS, current, isDm, isUnread, person, state } from "/page/js/state.js";

/** Draw the sidebar; `choose` is `{user(name), channel(id)}`. */
export function showSidebar(choose) {
  const items = state.channels.map((channel) => ({
    id: channel.id,
    name: isDm(channel) ? "Qbot" : channel.name,
    kind: channel.kind,
    open: channel.id === state.channel,
    unread: channel.id !== state.channel && isUnread(channel),
    outside: !channel.member,
  }));
  const me = person(state.user);
  fillIfNew(byId("sidebar"), [items, me, PERSONS.map(role)], () => [
    h(
      "div",
      { class: "workspace" },
      h("img", { src: "/page/icon.svg", alt: "" }),
      h("div", null, h("strong", null, "Web Shop"), h("span", null, "Qbot sandbox")),
    ),
    persons(me, choose.user),
    part(
      "Channels",
      items.filter((item) => !isDm(item)),
      choose.channel,
    ),
    part("Apps", items.filter(isDm), choose.channel),
  ]);
}

function part(title, items, choose) {
  if (!items.length) return null;
  return [
    h("h2", null, title),
    h(
      "ul",
      null,
      items.map((item) => row(item, choose)),
    ),
  ];
}

function row(item, choose) {
  const marks = ["open", "unread", "outside"].filter((mark) => item[mark]);
  const props = {
    type: "button",
    class: ["conversation", ...marks].join(" "),
    "aria-current": item.open ? "page" : null,
    dataset: { key: item.id },
    onclick: () => choose(item.id),
  };
  const dot = h("span", { class: "dot", role: "img", "aria-label": "unread" });
  const name = h("span", { class: "name" }, item.name);
  return h("li", null, h("button", props, sign(item), name, item.unread ? dot : null));
}

function sign(item) {
  if (isDm(item)) return avatar(person("qbot"), "tiny");
  if (item.kind === "private") return icon("lock");
  return h("span", { class: "hash", "aria-hidden": "true" }, "#");
}

function role(name) {
  const user = person(name);
  if (user?.external) return "from outside";
  if (user?.guest) return "guest";
  return user?.groups.includes("release-managers") ? "release manager" : "engineer";
}

function persons(me, choose) {
  const chip = (name) => {
    const about = `${person(name)?.real_name}, ${role(name)}`;
    const props = {
      type: "button",
      class: "person",
      "aria-pressed": String(name === state.user),
      "aria-label": about,
      title: about,
      dataset: { key: `person-${name}`, person: name },
      onclick: () => choose(name),
    };
    return h("button", props, avatar(person(name)), h("span", null, name));
  };
  return h(
    "div",
    { class: "persons" },
    h("p", null, "You are ", h("strong", null, me?.real_name ?? state.user)),
    h("p", null, role(state.user)),
    h("div", { role: "group", "aria-label": "Look as" }, PERSONS.map(chip)),
  );
}

/** The line above the messages. */
export function showTopbar({ menu, world, worldOpen, online }) {
  const channel = current();
  const name = isDm(channel) ? "Qbot" : `#${channel?.name ?? ""}`;
  const about = isDm(channel) ? "Your conversation with the app" : topic(channel);
  const menuProps = {
    type: "button",
    class: "bare round menu-button",
    "aria-label": "Conversations",
    dataset: { key: "menu" },
    onclick: menu,
  };
  const worldProps = {
    type: "button",
    class: "button world-button",
    "aria-expanded": String(worldOpen),
    "aria-controls": "world",
    dataset: { key: "world" },
    onclick: world,
  };
  fillIfNew(byId("topbar"), [name, about, worldOpen, online], () => [
    h("button", menuProps, icon("menu")),
    h("div", { class: "where" }, h("h1", null, name), h("span", { class: "about" }, about)),
    h("span", { class: "live", role: "status" }, online ? "" : "Reconnecting…"),
    h("button", worldProps, icon("globe"), "World"),
  ]);
}

function topic(channel) {
  if (!channel) return "";
  const notes = [];
  if (!channel.bot_member) notes.push("Qbot is not in this channel: /invite @qbot");
  if (channel.ext_shared) notes.push("shared with another company");
  return notes.join(" · ") || "Qbot is in this channel";
}
