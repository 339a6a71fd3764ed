// Qbot's App Home tab.

import { get } from "/page/js/api.js";
import { showBlocks } from "/page/js/blocks.js";
import { byId, fill, h } from "/page/js/dom.js";
import { told } from "/page/js/notice.js";
import { state } from "/page/js/state.js";

let shown = "";

/** Open the tab anew, or show again what was published. */
export async function refreshHome(query = {}) {
  const user = state.user;
  const home = byId("home");
  if (home.dataset.user !== user) {
    home.dataset.user = user;
    shown = "";
    fill(home, h("p", { class: "empty", "aria-busy": "true" }, "Opening Qbot's Home…"));
  }
  const found = await told(() => get("home", { as: user, ...query }));
  if (!found || user !== state.user) return;
  if (!found.view) {
    fill(
      home,
      h(
        "div",
        { class: "empty" },
        h("h3", null, "Nothing here yet"),
        h("p", null, "Qbot has not published a Home tab."),
      ),
    );
    shown = "";
    return;
  }
  if (!shown) fill(home, h("div", { class: "home-blocks" }));
  shown = found.view.id;
  const kept = (block, element) => found.view.state?.values?.[block.block_id]?.[element.action_id];
  showBlocks(home.firstElementChild, found.view.blocks, {
    place: { view_id: found.view.id },
    fields: new Map(),
    kept,
  });
}
