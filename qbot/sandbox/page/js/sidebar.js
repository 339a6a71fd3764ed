// Who looks, and the conversations that this person sees.

import { avatar, byId, fill, h, icon } from "/page/js/dom.js";
import { PERSONS, current, isDm, isUnread, person, state } from "/page/js/state.js";

const ABOUT = { guest: "guest", external: "external" };

/** Draw the sidebar; `choose` is `{user(name), channel(id)}`. */
export function showSidebar(choose) {
  const unread = (channel) => channel.id !== state.channel && isUnread(channel);
  const item = (channel) => {
    const open = channel.id === state.channel;
    const name = isDm(channel) ? "Qbot" : channel.name;
    return h(
      "li",
      null,
      h(
        "button",
        {
          type: "button",
          class: ["conversation", open && "open", unread(channel) && "unread", !channel.member && "outside"].filter(Boolean).join(" "),
          "aria-current": open ? "page" : null,
          onclick: () => choose.channel(channel.id),
        },
        sign(channel),
        h("span", { class: "name" }, name),
        unread(channel) ? h("span", { class: "dot", role: "img", "aria-label": "unread" }) : null,
      ),
    );
  };
  const channels = state.channels.filter((channel) => !isDm(channel));
  const dms = state.channels.filter(isDm);
  fill(
    byId("sidebar"),
    h("div", { class: "workspace" }, h("img", { src: "/page/icon.svg", alt: "" }), h("div", null, h("strong", null, "Web Shop"), h("span", null, "Qbot sandbox"))),
    persons(choose.user),
    h("h2", null, "Channels"),
    h("ul", null, channels.map(item)),
    dms.length ? [h("h2", null, "Apps"), h("ul", null, dms.map(item))] : null,
  );
}

function sign(channel) {
  if (isDm(channel)) return avatar(person("qbot"), "tiny");
  return channel.kind === "private" ? icon("lock") : h("span", { class: "hash", "aria-hidden": "true" }, "#");
}

function persons(choose) {
  const chip = (name) => {
    const user = person(name);
    const kind = Object.keys(ABOUT).find((one) => user?.[one]);
    const role = kind ? ABOUT[kind] : user?.groups.includes("release-managers") ? "release manager" : "engineer";
    return h(
      "button",
      {
        type: "button", class: "person", role: "radio", "aria-checked": String(name === state.user), "aria-label": `${user?.real_name}, ${role}`,
        title: `${user?.real_name} · ${role}`, onclick: () => choose(name), dataset: { person: name },
      },
      avatar(user),
      h("span", null, name),
    );
  };
  const me = person(state.user);
  return h(
    "div",
    { class: "persons" },
    h("p", null, "You are ", h("strong", null, me?.real_name ?? state.user)),
    h("div", { role: "radiogroup", "aria-label": "Look as" }, PERSONS.map(chip)),
  );
}

/** The line above the messages. */
export function showTopbar({ menu, world, worldOpen }) {
  const channel = current();
  const dm = isDm(channel);
  const about = dm ? "Your conversation with the app" : topic(channel);
  fill(
    byId("topbar"),
    h("button", { type: "button", class: "bare round menu-button", "aria-label": "Conversations", onclick: menu }, icon("menu")),
    h("div", { class: "where" }, h("h1", null, dm ? "Qbot" : `#${channel?.name ?? ""}`), h("span", { class: "about" }, about)),
    h("span", { id: "live", class: "live" }, ""),
    h(
      "button",
      { type: "button", class: "button world-button", "aria-expanded": String(worldOpen), "aria-controls": "world", onclick: world },
      icon("globe"),
      "World",
    ),
  );
}

function topic(channel) {
  if (!channel) return "";
  const notes = [];
  if (!channel.bot_member) notes.push("Qbot is not in this channel: /invite @qbot");
  if (channel.ext_shared) notes.push("shared with another company");
  return notes.join(" · ") || "Qbot is in this channel";
}
