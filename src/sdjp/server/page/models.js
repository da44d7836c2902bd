/* The models: which one draws, what each is, and its licence. */

import { capabilities, model } from "./capabilities.js";
import { button, bytesText, setWord, told } from "./dom.js";
import { announce, make } from "./elements.js";
import { say } from "./language.js";
import { on, settings } from "./state.js";

/** @param {HTMLElement} root */
export function mountModels(root) {
  const opener = button("models.open", open, { class: "small" });
  root.append(opener);
  const write = () => setWord(opener, "models.open", { name: model().name });
  on("capabilities", write);
  write();
}

function open() {
  const list = make(
    "fieldset",
    { class: "models" },
    make("legend", { class: "unseen", word: "models.title" }),
  );
  list.append(...capabilities().models.map(choiceOf));
  const dialog = make(
    "dialog",
    { class: "question", "aria-labelledby": "models-title" },
    make("h2", { id: "models-title", word: "models.title" }),
    make("p", { class: "help", word: "models.help" }),
    list,
    make(
      "div",
      { class: "deeds" },
      button("models.close", () => dialog.close()),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  list.querySelector("input:checked")?.focus();
}

function choiceOf(entry, place) {
  const id = `model-${place}`;
  const chosen = entry.name === model().name;
  const radio = make("input", {
    type: "radio",
    name: "model",
    id,
    checked: chosen,
    disabled: Boolean(entry.problem),
    "aria-describedby": `${id}-about`,
    onchange: () => choose(entry),
  });
  return make(
    "div",
    { class: "model" },
    radio,
    make(
      "div",
      {},
      make(
        "label",
        { for: id, word: entry.kind === "mini" ? "models.own" : null, values: { name: entry.name } },
        entry.name,
      ),
      make("div", { id: `${id}-about`, class: "about" }, ...about(entry)),
    ),
  );
}

function about(entry) {
  const { known, license } = entry;
  const what = [
    known?.model,
    entry.kind !== "other" && entry.kind,
    bytesText(entry.size),
    entry.file,
    entry.sha256?.slice(0, 10),
  ];
  const facts = what.filter((fact) => fact && fact !== entry.name);
  return [
    make("p", {}, facts.join(" · ")),
    known ? make("p", {}, told(known.training)) : null,
    license
      ? make("p", { word: "models.license", values: { name: license.name } })
      : make("p", { word: "models.license.unknown" }),
    license?.url ? make("p", { class: "address" }, license.url) : null, // to copy: the page opens nothing by itself
    entry.problem ? make("p", { class: "error" }, told(entry.problem)) : null,
  ];
}

/** Let a model draw from now on, at its own size, steps and the like. */
function choose(entry) {
  const standard = Object.keys(entry.defaults ?? {}).filter(
    (name) => name in capabilities().schema.properties,
  );
  settings.set({ ...Object.fromEntries(standard.map((name) => [name, null])), model: entry.name });
  announce(say("models.chosen", { name: entry.name }));
}
