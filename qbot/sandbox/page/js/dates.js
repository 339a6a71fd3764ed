// Moments as the person who looks would see them, in the person's own zone.

import { now, zone } from "/page/js/state.js";

const format = (options, unix) =>
  new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone() }).format(new Date(unix * 1000));

const TIME = { hour: "2-digit", minute: "2-digit" };
const WORDS = {
  date_num: (unix) =>
    new Intl.DateTimeFormat("sv-SE", { timeZone: zone() }).format(new Date(unix * 1000)),
  date: (unix) => format({ day: "numeric", month: "long", year: "numeric" }, unix),
  date_short: (unix) => format({ day: "numeric", month: "short", year: "numeric" }, unix),
  date_long: (unix) =>
    format({ weekday: "long", day: "numeric", month: "long", year: "numeric" }, unix),
  date_pretty: (unix) => pretty("date", unix),
  date_short_pretty: (unix) => pretty("date_short", unix),
  date_long_pretty: (unix) => pretty("date_long", unix),
  time: (unix) => format(TIME, unix),
  time_secs: (unix) => format({ ...TIME, second: "2-digit" }, unix),
  ago: (unix) => ago(unix),
};

function pretty(kind, unix) {
  const days = Math.round((midnight(unix) - midnight(now())) / 86400);
  return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days] ?? WORDS[kind](unix);
}

function midnight(unix) {
  return Date.parse(`${WORDS.date_num(unix)}T00:00:00Z`) / 1000;
}

function ago(unix) {
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  const seconds = unix - now();
  for (const [unit, size] of [
    ["day", 86400],
    ["hour", 3600],
    ["minute", 60],
  ]) {
    if (Math.abs(seconds) >= size) return relative.format(Math.round(seconds / size), unit);
  }
  return relative.format(Math.round(seconds), "second");
}

/** Slack's `<!date^unix^pattern>`; a text that begins with a pretty day is written large. */
export function dateText(unix, pattern) {
  const text = pattern.replace(/\{(\w+)\}/g, (whole, name) => WORDS[name]?.(unix) ?? whole);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export const clockTime = (unix) => WORDS.time(unix);
export const fullTime = (unix) => `${WORDS.date_long(unix)}, ${WORDS.time_secs(unix)}`;
export const dayOf = (unix) => {
  const text = WORDS.date_long_pretty(unix);
  return text.charAt(0).toUpperCase() + text.slice(1);
};
