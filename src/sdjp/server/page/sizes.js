/* The size of the picture: three shapes that fit the model in use, or any width and height. */

import { capabilities, model } from "./capabilities.js";
import { make } from "./elements.js";
import { field } from "./fields.js";
import { icon } from "./icons.js";
import { say } from "./language.js";
import { on, settings } from "./state.js";

const SHAPES = { square: [1, 1], portrait: [1, 1.5], landscape: [1.5, 1] };

export function mountSizes(root) {
  const shapes = make("div", { class: "choices", role: "group", "aria-labelledby": "size-title" });
  const width = field("width");
  const height = field("height");
  const swap = make(
    "button",
    {
      type: "button",
      class: "small",
      wordLabel: "size.swap",
      wordTitle: "size.swap",
      onclick: () => {
        const { width, height } = current();
        settings.set({ width: height, height: width });
      },
    },
    icon("swap"),
  );
  root.append(
    make("div", { class: "field" }, make("h3", { id: "size-title", word: "size.title" }), shapes),
    make("div", { class: "sides", "data-answers": "width height size limit.pixels" }, width, swap, height),
  );

  const current = () => {
    const { width, height } = model().defaults;
    return { width: settings.get("width") ?? width, height: settings.get("height") ?? height };
  };

  /** Sides of a shape, in steps that the model can draw. */
  function sides(shape) {
    const { width, height, factor } = model().defaults;
    const side = Math.min(width, height);
    return SHAPES[shape].map((times) => Math.round((side * times) / factor) * factor);
  }

  function show() {
    const now = current();
    const { max_pixels: most } = capabilities().limits;
    shapes.replaceChildren(
      ...Object.keys(SHAPES)
        .map((shape) => [shape, ...sides(shape)])
        .filter(([, width, height]) => width * height <= most)
        .map(([shape, width, height]) =>
          make(
            "button",
            {
              type: "button",
              "aria-pressed": String(now.width === width && now.height === height),
              onclick: () => settings.set({ width, height }),
            },
            make("span", { class: `shape ${shape}`, "aria-hidden": "true" }),
            make("span", {}, say(`size.${shape}`)),
            make("small", {}, `${width}×${height}`),
          ),
        ),
    );
    const { factor } = model().defaults;
    for (const input of root.querySelectorAll("input")) {
      input.step = factor;
      input.min = factor;
    }
  }

  on("settings", (names) => (names.includes("width") || names.includes("height")) && show());
  on("capabilities", show);
  on("language", show);
  show();
}
