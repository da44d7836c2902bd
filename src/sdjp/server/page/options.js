/* How it is drawn: what one often changes, and under 「詳細」 all other options of the server's schema. */

import { capabilities } from "./capabilities.js";
import { make } from "./elements.js";
import { field } from "./fields.js";
import { mountLoras } from "./loras.js";
import { mountNegative } from "./prompt.js";
import { mountSeed } from "./seed.js";
import { mountShare } from "./share.js";
import { mountSizes } from "./sizes.js";
import { settings } from "./state.js";

const GROUPS = {
  sampling: [
    ...["sampler", "spacing", "guidance_scale", "guidance_interval", "eta", "noise_multiplier"],
    ...["clip_skip", "translate"],
  ],
  enlarging: ["hires", "hires_strength", "upscaler", "tile", "overlap"],
  speed: ["preset", "token_merging", "feature_reuse"],
};
/** Shown elsewhere, or nothing to choose here. */
const ELSEWHERE = [
  ...["prompt", "negative_prompt", "width", "height", "num_images_per_prompt", "seed", "num_inference_steps"],
  ...["task", "model", "factor", "loras"],
  ...["image", "mask", "strength", "strength_rule", "fit", "feather", "mask_rule", "paste_back"],
  ...["image_prompt", "image_prompt_scale", "controls"],
];

export function mountOptions(root) {
  mountNegative(root);
  mountSizes(root);
  const often = make("div", { class: "grid" });
  root.append(often);
  often.append(
    field("num_images_per_prompt", { answers: "limit.pictures" }),
    field("num_inference_steps", { answers: "limit.steps steps" }),
  );
  mountSeed(often);

  const details = make("details", { class: "details" }, make("summary", { word: "details" }));
  const shown = Object.values(GROUPS).flat();
  const rest = Object.keys(capabilities().schema.properties).filter(
    (name) => !shown.includes(name) && !ELSEWHERE.includes(name),
  );
  for (const [group, names] of Object.entries({ ...GROUPS, more: rest })) {
    const fields = names.map((name) => field(name, { help: true })).filter(Boolean);
    if (fields.length === 0) continue;
    details.append(
      make(
        "fieldset",
        {},
        make("legend", { word: `details.${group}` }),
        make("div", { class: "grid" }, fields),
      ),
    );
    if (group === "sampling") mountLoras(details);
  }
  details.append(
    make("button", {
      type: "button",
      class: "small",
      word: "details.reset",
      onclick: () => settings.set(unset([...shown, ...rest, "loras"])),
    }),
  );
  root.append(details);
  mountShare(root);
}

const unset = (names) => Object.fromEntries(names.map((name) => [name, null]));
