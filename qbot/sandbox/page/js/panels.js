// The two panels at the right, the thread and the world: which of them there is room for.

import { state } from "/page/js/state.js";
import { closeThread } from "/page/js/thread.js";

const BESIDE = matchMedia("(min-width: 1180px)"); // one stands beside the conversation
const BOTH = matchMedia("(min-width: 1400px)"); // both do
let beside = true; // whether the world is wanted where there is room for it
let over = false; // whether it lies over the conversation where there is none

/** The thread was asked for last, so it has the room where there is room for one. */
export const worldOpen = () =>
  (BESIDE.matches ? beside : over) && (BOTH.matches || !state.thread);

export function toggleWorld() {
  const open = !worldOpen();
  if (BESIDE.matches) beside = open;
  else over = open;
  if (open && !BOTH.matches) closeThread();
}

/** Whether there was a world lying over the conversation to put away. */
export function putWorldAway() {
  if (BESIDE.matches || !worldOpen()) return false;
  over = false;
  return true;
}

/** Calls `draw` when the window grows or shrinks past a point where the panels change. */
export function startPanels(draw) {
  const changed = () => {
    if (BESIDE.matches) over = false;
    draw();
  };
  BESIDE.addEventListener("change", changed);
  BOTH.addEventListener("change", changed);
}
