/* The prompt and the negative prompt: typing, weights, and the key that draws. */

import { watchComposition } from "./composition.js";
import { announce, make } from "./elements.js";
import { say } from "./language.js";
import { mountReading } from "./reading.js";
import { emit, on, settings } from "./state.js";
import { reweigh } from "./weights.js";

const STEP = 0.1;

export function mountPrompt(root) {
  const { box, area } = textOf("prompt", { rows: 3, answers: "prompt text limit.prompt task" });
  const backing = make("div", { class: "backing", "aria-hidden": "true" });
  const typed = make("div", { class: "typed" }, backing);
  area.replaceWith(typed);
  typed.append(area);
  const mirror = () => (backing.textContent = `${area.value}\n`);
  area.addEventListener("input", mirror);
  on("settings", (names) => names.includes("prompt") && mirror());
  mirror();
  const reading = make("div", { class: "reading" });
  box.append(weightTools(area));
  root.append(box, reading);
  mountReading(reading, { area, backing });
}

export function mountNegative(root) {
  const { box } = textOf("negative_prompt", { rows: 1, answers: "negative_prompt" });
  root.append(box);
}

/** A labelled text field that is the setting `name`. Enter is a line break, and nothing else. */
function textOf(name, { rows, answers }) {
  const area = make("textarea", {
    id: name === "prompt" ? "prompt" : `option-${name}`,
    rows,
    wordPlaceholder: `${name}.example`,
    spellcheck: "false",
    autocomplete: "off",
    enterkeyhint: "enter",
  });
  area.value = settings.get(name) ?? "";
  const keep = () => settings.set({ [name]: area.value || null });
  area.addEventListener("input", (event) => event.isComposing || keep());
  area.addEventListener("compositionend", keep);
  on("settings", (names) => {
    const value = settings.get(name) ?? "";
    if (names.includes(name) && area.value !== value) area.value = value;
  });
  const isComposing = watchComposition(area);
  area.addEventListener("keydown", (event) => {
    const composing = isComposing(event);
    const control = event.ctrlKey || event.metaKey;
    if (composing) return;
    if (control && !event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      weigh(area, event.key === "ArrowUp" ? STEP : -STEP);
    }
  });
  const label = make("label", { for: area.id, word: `option.${name}` });
  return { box: make("div", { class: "field", "data-answers": answers }, label, area), area };
}

function weightTools(area) {
  const button = (sign, by, word) =>
    make(
      "button",
      {
        type: "button",
        class: "small",
        wordLabel: word,
        wordTitle: word,
        onpointerdown: (event) => event.preventDefault(), // the selection stays
        onclick: () => weigh(area, by),
      },
      sign,
    );
  return make(
    "div",
    { class: "tools" },
    make("span", { class: "help", word: "weight.help" }),
    make(
      "div",
      { class: "joined", role: "group", wordLabel: "weight.title" },
      button("−", -STEP, "weight.less"),
      button("＋", STEP, "weight.more"),
    ),
  );
}

function weigh(area, by) {
  const change = reweigh(area.value, area.selectionStart, area.selectionEnd, by);
  if (change === null) return announce(say("weight.none"));
  area.focus();
  area.setSelectionRange(change.start, change.end);
  // The only way to change a text field that its undo knows of.
  if (!document.execCommand("insertText", false, change.text)) {
    area.setRangeText(change.text);
    area.dispatchEvent(new Event("input"));
  }
  area.setSelectionRange(...change.selected);
  announce(change.text);
}

/** Ctrl+Enter (⌘+Enter) draws from every field of the form. */
export function mountDrawKey(form) {
  const isComposing = watchComposition(form);
  form.addEventListener("keydown", (event) => {
    const composing = isComposing(event);
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || composing) return;
    event.preventDefault();
    if (!event.repeat) emit("draw");
  });
  form.addEventListener("submit", (event) => event.preventDefault());
}
