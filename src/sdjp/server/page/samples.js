/* Prompts to begin with. */

import { make } from "./elements.js";
import { on, settings } from "./state.js";
import { SAMPLES } from "./samples/list.js";

export function mountSamples(root) {
  const details = make("details", { class: "details samples" }, make("summary", { word: "samples.title" }));
  details.open = true;
  details.append(
    make(
      "ul",
      {},
      SAMPLES.map(({ prompt, file }) =>
        make(
          "li",
          {},
          make(
            "button",
            {
              type: "button",
              onclick: () => {
                settings.set({ prompt, english: null, english_of: null });
                document.getElementById("prompt").focus();
              },
            },
            make("img", {
              src: new URL(`samples/${file}`, import.meta.url).href,
              alt: "",
              width: 128,
              height: 128,
              loading: "lazy",
            }),
            make("span", {}, prompt),
          ),
        ),
      ),
    ),
  );
  root.append(details);
  // Whoever has drawn knows how.
  const stop = on("job", ({ pictures }) => {
    if (!pictures.length) return;
    details.open = false;
    stop();
  });
}
