/* The labelled control of an option, made from its schema and bound to `settings`. */

import { schemaOf } from "./capabilities.js";
import { make } from "./elements.js";
import { known, say } from "./language.js";
import { on, settings } from "./state.js";

/** Make the field of an option.
 *
 * @param name its name in the options table
 * @param help whether its help is shown beneath
 * @param answers names of other errors that are shown here, such as "size" beside "width"
 * @returns the element; its control is bound already. Null if the server has no such option.
 */
export function field(name, { help = false, answers = "" } = {}) {
  const schema = schemaOf(name);
  if (!schema) return null;
  const control = controlOf(name, schema);
  const label = make("label", { for: `option-${name}`, id: `label-${name}` });
  const helped = help ? make("p", { class: "help", id: `help-${name}` }) : null;
  if (helped) control.setAttribute("aria-describedby", helped.id);
  const write = () => {
    label.textContent = labelOf(name);
    if (helped) helped.textContent = helpOf(name);
  };
  write();
  on("language", write);
  const kind = control.type === "checkbox" ? "field check" : "field";
  return make("div", { class: kind, "data-answers": `${name} ${answers}`.trim() }, label, control, helped);
}

/** The label of an option: 「ステップ数 Steps」; the schema's own for one that words.js does not know. */
export function labelOf(name) {
  const key = `option.${name}`;
  return known(key) ? say(key) : schemaOf(name).title;
}

/** The help of an option; what its list and its label show need not be told again. */
function helpOf(name) {
  const { help, choices } = schemaOf(name);
  if (!choices || choices.length < 2) return help;
  const rest = help.replace(`: ${choices.join(", ")}`, "");
  return labelOf(name).toLowerCase().includes(rest.toLowerCase()) ? "" : rest;
}

function controlOf(name, schema) {
  if (schema.pair) return pair(name, schema);
  if (schema.boolean) return checkbox(name, schema);
  if (schema.choices) return choice(name);
  if (schema.type === "integer" || schema.type === "number") return number(name, schema);
  return bound(name, make("input", { type: "text" }), {
    read: (control) => control.value.trim() || null,
    write: (control, value) => {
      if (control.value.trim() !== (value ?? "")) control.value = value ?? "";
    },
  });
}

/** Tie a control to its setting, both ways. */
function bound(name, control, { read, write }) {
  control.id = `option-${name}`;
  // At every key: Ctrl+Enter draws what one sees, also where the field has not been left yet.
  control.addEventListener("input", () => settings.set({ [name]: read(control) }));
  const show = () => write(control, settings.get(name));
  show();
  on("settings", (names) => names.includes(name) && show());
  on("capabilities", show);
  on("language", show);
  return control;
}

function number(name, schema, { place = null } = {}) {
  const step = schema.type === "integer" ? (schema.multipleOf ?? 1) : "any";
  const control = make("input", {
    type: "number",
    inputmode: schema.type === "integer" ? "numeric" : "decimal",
    step,
    min: schema.minimum,
    max: schema.maximum > 1e12 ? null : schema.maximum,
    autocomplete: "off",
  });
  if (place !== null) return control;
  return bound(name, control, {
    read: (input) => (input.value === "" ? null : Number(input.value)),
    write: (input, value) => {
      if (input.value === "" || Number(input.value) !== value) input.value = value ?? "";
      const unset = `unset.${name}`;
      input.placeholder = schemaOf(name).default ?? say(known(unset) ? unset : "option.automatic");
    },
  });
}

function checkbox(name, schema) {
  return bound(name, make("input", { type: "checkbox" }), {
    read: (input) => (input.checked === schema.default ? null : input.checked),
    write: (input, value) => (input.checked = value ?? schema.default ?? false),
  });
}

/** A list; its first line leaves the option to the model. */
function choice(name) {
  return bound(name, make("select"), {
    read: (select) => select.value || null,
    write: (select, value) => {
      const { choices, default: standard } = schemaOf(name);
      const offered = value === null || choices.includes(value) ? choices : [...choices, value];
      const automatic =
        standard === null
          ? say("option.automatic")
          : say("option.standard", { value: valueOf(name, standard) });
      select.replaceChildren(
        make("option", { value: "" }, automatic),
        ...offered.map((one) => make("option", { value: one }, valueOf(name, one))),
      );
      select.value = value ?? "";
    },
  });
}

/** What a value of a list is called. */
function valueOf(name, value) {
  const key = `value.${name}.${value}`;
  return known(key) ? say(key) : String(value);
}

/** Two numbers that go together, such as the beginning and the end of an interval. */
function pair(name, schema) {
  const inputs = ["from", "to"].map((end) => {
    const input = number(name, schema.pair, { place: end });
    input.dataset.wordLabel = `option.${end}`;
    input.setAttribute("aria-label", say(`option.${end}`));
    return input;
  });
  const group = make(
    "div",
    { class: "pair", role: "group", "aria-labelledby": `label-${name}` },
    inputs[0],
    make("span", { "aria-hidden": "true" }, "–"),
    inputs[1],
  );
  return bound(name, group, {
    read: () =>
      inputs.some((input) => input.value === "") ? null : inputs.map((input) => Number(input.value)),
    write: (_, value) => {
      if (value === null && inputs.some((input) => input === document.activeElement)) return;
      inputs.forEach((input, place) => (input.value = value?.[place] ?? ""));
    },
  });
}
