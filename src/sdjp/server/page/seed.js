/* The seed: a new one for every picture (🎲), or that of the last picture (♻). */

import { make } from "./elements.js";
import { field } from "./fields.js";
import { icon } from "./icons.js";
import { on, settings } from "./state.js";

export function mountSeed(root) {
  let last = null; // seed of the picture that was drawn last
  const box = field("seed");
  const input = box.querySelector("input");
  const dice = make(
    "button",
    {
      type: "button",
      class: "small",
      wordLabel: "seed.dice",
      wordTitle: "seed.dice",
      onclick: () => settings.set({ seed: null }),
    },
    icon("dice"),
  );
  const again = make(
    "button",
    {
      type: "button",
      class: "small",
      wordLabel: "seed.again",
      wordTitle: "seed.again",
      disabled: true,
      onclick: () => settings.set({ seed: last }),
    },
    icon("again"),
  );
  const row = make("div", { class: "joined" });
  input.replaceWith(row);
  row.append(input, dice, again);
  box.classList.add("seed");
  root.append(box);

  const remember = (seed) => {
    last = seed;
    again.disabled = false;
  };
  on("picture", ({ seed }) => remember(seed));
  on("job", ({ pictures }) => pictures.length && remember(pictures.at(-1).seed));
}
