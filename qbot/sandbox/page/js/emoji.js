// Short codes that apps use in messages; any other code is shown as it was written.

const EMOJI = {
  white_check_mark: "✅", heavy_check_mark: "✔️", ballot_box_with_check: "☑️", x: "❌", negative_squared_cross_mark: "❎",
  warning: "⚠️", no_entry: "⛔", no_entry_sign: "🚫", octagonal_sign: "🛑", rotating_light: "🚨", exclamation: "❗",
  bangbang: "‼️", question: "❓", grey_question: "❔", grey_exclamation: "❕", information_source: "ℹ️",
  red_circle: "🔴", large_orange_circle: "🟠", large_yellow_circle: "🟡", large_green_circle: "🟢",
  large_blue_circle: "🔵", large_purple_circle: "🟣", large_brown_circle: "🟤", white_circle: "⚪", black_circle: "⚫",
  red_square: "🟥", large_yellow_square: "🟨", large_green_square: "🟩", large_blue_square: "🟦",
  white_large_square: "⬜", black_large_square: "⬛",
  hourglass: "⌛", hourglass_flowing_sand: "⏳", stopwatch: "⏱️", alarm_clock: "⏰", clock1: "🕐", calendar: "📅", date: "📅",
  rocket: "🚀", tada: "🎉", sparkles: "✨", seedling: "🌱", herb: "🌿", wastebasket: "🗑️", broom: "🧹", package: "📦",
  hammer_and_wrench: "🛠️", wrench: "🔧", gear: "⚙️", construction: "🚧", fire: "🔥", boom: "💥", zap: "⚡", bug: "🐛",
  lock: "🔒", unlock: "🔓", key: "🔑", pushpin: "📌", link: "🔗", bell: "🔔", no_bell: "🔕", mag: "🔍", eyes: "👀",
  snowflake: "❄️", ice_cube: "🧊", sleeping: "😴", zzz: "💤", double_vertical_bar: "⏸️", arrow_forward: "▶️",
  black_square_for_stop: "⏹️", arrows_counterclockwise: "🔄", repeat: "🔁", rewind: "⏪", leftwards_arrow_with_hook: "↩️",
  arrow_up: "⬆️", arrow_right: "➡️", arrow_down: "⬇️", chart_with_upwards_trend: "📈", bar_chart: "📊", memo: "📝",
  clipboard: "📋", page_facing_up: "📄", robot_face: "🤖", wave: "👋", raised_hands: "🙌", thumbsup: "👍", "+1": "👍",
  thumbsdown: "👎", "-1": "👎", ok_hand: "👌", point_right: "👉", bulb: "💡", moneybag: "💰", globe_with_meridians: "🌐",
};

const CODE = /^:([a-z0-9_+-]+):(?::skin-tone-[2-6]:)?/;

/** The emoji that a text begins with, as `{code, sign, length}`, or null. */
export function emojiAt(text) {
  const match = CODE.exec(text);
  const sign = match && EMOJI[match[1]];
  return sign ? { code: match[1], sign, length: match[0].length } : null;
}

export const emojiSign = (code) => EMOJI[code] ?? `:${code}:`;
