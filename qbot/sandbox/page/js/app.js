// Puts the page together: who looks at what, and what to ask for when something changed.

import { follow, get } from "/page/js/api.js";
import { propose, refreshComposer, startComposer } from "/page/js/composer.js";
import { byId, fill, fillIfNew, h, paced } from "/page/js/dom.js";
import { featureBranches } from "/page/js/hints.js";
import { refreshHome } from "/page/js/home.js";
import { keptAtBottom, showMessages } from "/page/js/messages.js";
import { follow as followLink } from "/page/js/links.js";
import { forgetModal, refreshModal, startModal } from "/page/js/modal.js";
import { told } from "/page/js/notice.js";
import { putWorldAway, startPanels, toggleWorld, worldOpen } from "/page/js/panels.js";
import { showSidebar, showTopbar } from "/page/js/sidebar.js";
import * as store from "/page/js/state.js";
import { closeThread, openThread, refreshThread } from "/page/js/thread.js";
import { refreshWorld, startWorld, tick } from "/page/js/world.js";

const { state } = store;
const MENUS = "details.overflow[open], details.many[open]";
let shown = ""; // the conversation whose messages are in the list
let online = true;

const choose = {
  async user(name) {
    if (!(await told(() => store.become(name)))) return;
    closeThread();
    await show();
    await refreshModal();
  },
  async channel(id) {
    state.channel = id;
    state.tab = "messages";
    document.body.classList.remove("menu-open");
    closeThread();
    await show();
    byId("composer-input").focus();
  },
};

async function show() {
  store.writeAddress();
  draw();
  await (onHome() ? refreshHome({ anew: "yes" }) : refreshMessages());
}

const onHome = () => state.tab === "home" && Boolean(store.current()?.home_tab);

function draw() {
  const home = onHome();
  store.markRead(store.current());
  showSidebar(choose);
  showTopbar({
    menu: () => document.body.classList.toggle("menu-open"),
    world: switchWorld,
    worldOpen: worldOpen(),
    online,
  });
  drawTabs(home);
  byId("home").hidden = !home;
  byId("messages").hidden = byId("composer").hidden = home;
  byId("world").hidden = !worldOpen();
  refreshComposer();
}

function drawTabs(home) {
  const open = (name) => () => {
    state.tab = name;
    show();
  };
  const tab = (name, label, selected) => {
    const props = { type: "button", role: "tab", "aria-selected": String(selected) };
    return h("button", { ...props, dataset: { key: name }, onclick: open(name) }, label);
  };
  byId("tabs").hidden = !store.current()?.home_tab;
  fillIfNew(byId("tabs"), home, () => [
    tab("home", "Home", home),
    tab("messages", "Messages", !home),
  ]);
}

async function refreshMessages() {
  const { user, channel } = state;
  if (!channel) return;
  const found = await told(() => get("messages", { channel, as: user }));
  if (!found || user !== state.user || channel !== state.channel) return;
  const fresh = shown !== `${user}/${channel}`;
  if (fresh) fill(byId("messages"), h("div", { class: "list" }), welcome());
  shown = `${user}/${channel}`;
  const [list, empty] = byId("messages").children;
  showMessages(list, channel, found.messages, { openThread, fresh, empty });
}

/** What an empty conversation says: where to begin. */
function welcome() {
  const channel = store.current();
  const chip = (text, first) =>
    h(
      "button",
      {
        type: "button",
        class: first ? "suggestion first" : "suggestion",
        onclick: () => propose(text, true),
      },
      h("code", null, text),
    );
  if (!channel.member) {
    return h(
      "div",
      { class: "empty" },
      h("h3", null, `#${channel.name}`),
      h("p", null, `${state.user} is not a member of this channel.`),
    );
  }
  if (channel.read_only) {
    return h(
      "div",
      { class: "empty" },
      h("img", { src: "/page/icon.svg", alt: "" }),
      h("h3", null, "Nothing here yet"),
      h("p", null, "Qbot writes here what a channel cannot take. Commands are typed in channels."),
    );
  }
  const branch = featureBranches()[0]?.[0] ?? "feat/checkout";
  return h(
    "div",
    { class: "empty" },
    h("img", { src: "/page/icon.svg", alt: "" }),
    h("h3", null, "Every branch deserves its own environment"),
    h("p", null, "Type a command below, or begin with one of these:"),
    h(
      "div",
      { class: "suggestions" },
      chip(`/env create ${branch}`, true),
      chip("/env promote staging production", false),
      chip("/env", false),
      chip("/env help", false),
    ),
    h(
      "p",
      { class: "quiet" },
      "Slack, GitLab and Argo CD are stand-ins on this machine; Qbot is the real one. Become somebody else in the sidebar; push, break and wait under World.",
    ),
  );
}

function switchWorld() {
  toggleWorld();
  draw();
  if (worldOpen()) refreshWorld();
}

const soon = {
  messages: paced(() => Promise.all([onHome() ? null : refreshMessages(), refreshThread()]), 90),
  channels: paced(async () => {
    await told(() => store.loadChannels());
    draw();
  }, 400),
  views: paced(refreshModal, 60),
  home: paced(() => onHome() && refreshHome(), 200),
  world: paced(refreshWorld, 500),
};

const LISTENERS = {
  message: (event) => {
    if (event.channel === state.channel) soon.messages();
    soon.channels();
  },
  ephemeral: (event) => {
    if (event.user === state.user) LISTENERS.message(event);
  },
  view: (event) => event.user === state.user && soon.views(),
  home: (event) => event.user === state.user && soon.home(),
  time: async () => {
    await store.loadClock();
    tick();
    soon.messages();
  },
  reset: () => {
    closeThread();
    return everything();
  },
  connected: () => everything(),
};

function heard(event) {
  (LISTENERS[event.topic] ?? soon.world)(event);
}

/** After a start, a reset or a cut connection: nothing that is shown can be trusted. A thread
 * that is still there stays open, for somebody may be reading it. */
async function everything() {
  await told(() => Promise.all([store.loadUsers(), store.loadClock()]));
  await told(() => store.loadChannels());
  await Promise.all([refreshThread(), refreshWorld(), show(), refreshModal()]);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (link?.target === "_blank") {
    event.preventDefault();
    followLink(link.href, choose.channel);
  }
  for (const menu of document.querySelectorAll(MENUS)) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  if (!event.target.closest?.("#sidebar, .menu-button"))
    document.body.classList.remove("menu-open");
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  const menu = document.querySelector(MENUS);
  if (menu) menu.open = false;
  else if (document.body.classList.contains("menu-open"))
    document.body.classList.remove("menu-open");
  else if (putWorldAway()) draw();
  else if (state.thread) closeThread();
});
document.addEventListener("toggle-world", switchWorld);
document.addEventListener("thread", draw);

async function start() {
  const wanted = store.readAddress();
  startComposer();
  startModal();
  startWorld((text) => {
    if (putWorldAway()) draw();
    propose(text);
  });
  startPanels(draw);
  keptAtBottom(byId("messages"));
  await told(forgetModal);
  await Promise.all([store.loadUsers(), store.loadClock()]);
  await store.loadChannels(wanted);
  await refreshWorld();
  await show();
  byId("composer-input").focus({ preventScroll: true });
  follow(heard, (up) => {
    online = up;
    draw();
  });
  setInterval(tick, 10_000);
  document.body.dataset.ready = "yes";
}

start();
