// What the page shows: who looks, at which conversation, and what everybody is called.

import { get } from "/page/js/api.js";

export const PERSONS = ["ana", "ben", "chloe", "dan", "gus", "eve"];

export const state = {
  user: "ana",
  channel: "", // id
  tab: "messages", // or "home", in the conversation with Qbot
  thread: "", // ts of the parent, or ""
  channels: [],
  users: new Map(), // by id
  offset: 0, // seconds by which the sandbox is ahead
  branches: {}, // project -> branch -> commit
};

export const person = (name) => [...state.users.values()].find((user) => user.name === name);
export const current = () => state.channels.find((channel) => channel.id === state.channel);
export const isDm = (channel) => channel?.kind === "dm";
export const now = () => Date.now() / 1000 + state.offset;
export const zone = () => person(state.user)?.tz;

/** Who and where, from the address (#/ana/releases). */
export function readAddress() {
  const [, user, channel] = location.hash.split("/");
  if (PERSONS.includes(user)) state.user = user;
  return channel ? decodeURIComponent(channel) : "general";
}

export function writeAddress() {
  const channel = current();
  const name = channel ? encodeURIComponent(isDm(channel) ? "dm" : channel.name) : "";
  history.replaceState(null, "", `#/${state.user}/${name}`);
}

export async function loadUsers() {
  const { users } = await get("users");
  state.users = new Map(users.map((user) => [user.id, user]));
}

export async function loadClock() {
  state.offset = (await get("clock")).offset;
}

/** The channels of the current person; keeps the open one where that is possible. */
export async function loadChannels(wanted = "") {
  const user = state.user;
  const { channels } = await get("channels", { as: user });
  if (user === state.user) adopt(channels, wanted);
}

let next = "";

/** Become somebody else, all at once; false if meanwhile yet another person was chosen. */
export async function become(user) {
  next = user;
  const { channels } = await get("channels", { as: user });
  if (next !== user) return false;
  const wanted = isDm(current()) ? "dm" : "";
  state.user = user;
  adopt(channels, wanted);
  return true;
}

function adopt(channels, wanted) {
  state.channels = channels.filter((channel) => !channel.archived);
  const named = wanted && state.channels.find((c) => (isDm(c) ? "dm" : c.name) === wanted);
  if (named) state.channel = named.id;
  if (!current()) {
    state.channel = (state.channels.find((c) => c.member) ?? state.channels[0])?.id ?? "";
  }
}

// What was read, per person and conversation, for as long as the tab lives.
const READ = "qbot-read";
const read = JSON.parse(sessionStorage.getItem(READ) ?? "{}");

export function markRead(channel) {
  if (!channel?.latest) return;
  read[`${state.user}/${channel.id}`] = channel.latest;
  sessionStorage.setItem(READ, JSON.stringify(read));
}

export const isUnread = (channel) =>
  Boolean(channel.latest) &&
  channel.member &&
  channel.latest > (read[`${state.user}/${channel.id}`] ?? "");
