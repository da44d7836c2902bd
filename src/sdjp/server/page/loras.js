/* The LoRAs for every prompt, each with its weight. */

import { capabilities } from "./capabilities.js";
import { make } from "./elements.js";
import { labelOf } from "./fields.js";
import { icon } from "./icons.js";
import { say } from "./language.js";
import { on, settings } from "./state.js";

export function mountLoras(root) {
  const title = make("h3", { id: "loras-title" });
  const list = make("ul", { class: "loras" });
  const more = make("select", { "aria-labelledby": "loras-title" });
  root.append(make("div", { class: "field", "data-answers": "loras lora" }, title, list, more));

  more.addEventListener("change", () => {
    if (more.value) weigh(more.value, 1);
  });

  function weigh(name, weight) {
    const { [name]: _, ...others } = settings.get("loras") ?? {};
    const loras = weight === null ? others : { ...others, [name]: weight };
    settings.set({ loras: Object.keys(loras).length ? loras : null });
  }

  function line([name, weight]) {
    const input = make("input", {
      type: "number",
      step: 0.05,
      value: weight,
      "aria-label": say("loras.weight", { name }),
    });
    input.addEventListener("change", () => weigh(name, input.value === "" ? 1 : Number(input.value)));
    return make(
      "li",
      {},
      make("span", {}, name),
      input,
      make(
        "button",
        {
          type: "button",
          class: "small",
          "aria-label": say("loras.remove", { name }),
          onclick: () => weigh(name, null),
        },
        icon("close"),
      ),
    );
  }

  function show() {
    const chosen = settings.get("loras") ?? {};
    const names = capabilities().loras.filter((name) => !(name in chosen));
    title.textContent = labelOf("loras");
    list.replaceChildren(...Object.entries(chosen).map(line));
    more.replaceChildren(
      make("option", { value: "" }, say(names.length ? "loras.add" : "loras.none")),
      ...names.map((name) => make("option", { value: name }, name)),
    );
    more.disabled = names.length === 0;
  }

  on("settings", (names) => names.includes("loras") && show());
  on("capabilities", show);
  on("language", show);
  show();
}
