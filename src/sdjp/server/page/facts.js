/* What is known of a picture: its words, and the settings that drew it. */

import { schemaOf } from "./capabilities.js";
import { told } from "./dom.js";
import { make } from "./elements.js";
import { labelOf } from "./fields.js";
import { language } from "./language.js";

const FIRST = ["num_inference_steps", "guidance_scale", "sampler", "spacing"];
/** What these are when they are not in use. */
const NEUTRAL = { eta: 0, noise_multiplier: 1, token_merging: 0, feature_reuse: 1 };
const SHOWN_ELSEWHERE = ["prompt", "negative_prompt", "width", "height", "seed", "num_images_per_prompt"];

/** Write all of it into `root`.
 *
 * @param {object | null} job Null as long as it is not read: then the settings are missing.
 */
export function showFacts(root, picture, job) {
  const { negative_prompt: negative } = job?.options ?? {};
  root.replaceChildren(
    ...text("facts.prompt", picture.prompt),
    ...text("facts.english", picture.english, { lang: "en" }),
    ...unknown(picture.unknown ?? []),
    ...text("facts.negative", Array.isArray(negative) ? negative.join(" / ") : negative),
    make("h3", { word: "facts.settings" }),
    make("dl", {}, ...rows(picture, job).flatMap(([term, value]) => [term, make("dd", {}, String(value))])),
    ...(job?.notes ?? []).map((note) => make("p", { class: "note" }, told(note))),
  );
}

function text(word, value, rest = {}) {
  return value ? [make("h3", { word }), make("p", { class: "words", ...rest }, value)] : [];
}

function unknown(words) {
  if (!words.length) return [];
  const marks = words.map((word) => make("mark", {}, word));
  return [make("h3", { word: "facts.unknown" }), make("p", { class: "words unknown" }, ...marks)];
}

function rows(picture, job) {
  const named = (word, value) => [make("dt", { word }), value];
  const { options } = job ?? { options: {} };
  const names = [...new Set([...FIRST, ...Object.keys(options)])].filter(
    (name) => !SHOWN_ELSEWHERE.includes(name),
  );
  return [
    named("facts.seed", picture.seed),
    named("facts.size", `${picture.width}×${picture.height}`),
    named("facts.model", picture.model ?? job?.model ?? ""),
    ...names
      .filter((name) => job && tells(name, job))
      .map((name) => [
        make("dt", {}, labelOf(name)),
        typeof options[name] === "object" ? JSON.stringify(options[name]) : options[name],
      ]),
    named("facts.created", new Date(1000 * picture.created).toLocaleString(language())),
  ];
}

/** Whether the value of an option says anything: the first ones always, others if they are not at their default. */
function tells(name, { options, inputs, task }) {
  const value = options[name];
  if (value === null || value === undefined || NEUTRAL[name] === value) return false;
  if (name === "strength") return task === "generate" && inputs.includes("image");
  const rule = schemaOf(name);
  return rule !== null && (FIRST.includes(name) || JSON.stringify(value) !== JSON.stringify(rule.default));
}
