/* A prompt as it was understood: its English, and its parts, each linked to its words and to what was typed. */

import { make } from "./elements.js";
import { say } from "./language.js";
import { cut, placesInEnglish, placesInTyped } from "./places.js";

const GUESSED = ["glossary", "guess"]; // as GUESSED of sdjp/records.py

/** Show `info` (PromptInfo) in `root`.
 *
 * @param typed what is in the text field
 * @param light called with the stretch of it that is to be lit, or null
 * @returns {lightAt(place)}: light the part of the text field's character `place`
 */
export function showParts(root, info, { typed, light }) {
  const inTyped = placesInTyped(typed, info.parts);
  const inEnglish = placesInEnglish(info.english, info.parts, info.neighbours);
  const linked = new Map();
  const link = (element, part) => {
    if (!linked.has(part)) linked.set(part, []);
    linked.get(part).push(element);
  };
  let held = null;

  function show(part) {
    for (const [other, elements] of linked) {
      for (const element of elements) element.classList.toggle("lit", other === part);
    }
    light(part === null ? null : inTyped[part]);
  }

  function hold(part) {
    held = held === part ? null : part;
    for (const [other, elements] of linked) {
      for (const element of elements.filter((one) => one.localName === "button")) {
        element.setAttribute("aria-pressed", String(other === held));
      }
    }
    show(held);
  }

  const sentence = make("p", { class: "english", lang: "en" });
  for (const { text, part } of cut(info.english, inEnglish)) {
    if (part === null) sentence.append(text);
    else {
      const word = make(
        "span",
        {
          class: "word",
          onpointerenter: () => show(part),
          onpointerleave: () => show(held),
          onclick: () => hold(part),
        },
        text,
      );
      link(word, part);
      sentence.append(word);
    }
  }

  const list = make("ul", { class: "parts", wordLabel: "reading.parts" });
  info.parts.forEach((part, index) => {
    const marks = marksOf(part, info);
    if (!part.english && marks.length === 0) {
      list.append(make("li", { class: "grammar" }, part.source));
      return;
    }
    const button = make(
      "button",
      {
        type: "button",
        class: marks.length && part.how !== "request" ? "part doubtful" : "part",
        "aria-pressed": "false",
        onpointerenter: (event) => event.pointerType === "mouse" && show(index),
        onpointerleave: () => show(held),
        onfocus: () => show(index),
        onblur: () => show(held),
        onclick: () => hold(index),
      },
      make("span", { class: "of", lang: "ja" }, part.source),
      make("span", { class: "in", lang: "en" }, part.english || "—"),
      marks.map((mark) => make("span", { class: "mark" }, mark)),
    );
    link(button, index);
    list.append(make("li", {}, button));
  });

  const notes = notesOf(info);
  root.append(
    sentence,
    list,
    notes.length
      ? make(
          "ul",
          { class: "notes" },
          notes.map((note) => make("li", {}, note)),
        )
      : "",
  );
  return {
    lightAt(place) {
      const part = inTyped.findIndex((stretch) => stretch && stretch[0] <= place && place <= stretch[1]);
      for (const [other, elements] of linked) {
        for (const element of elements) element.classList.toggle("lit", other === part);
      }
    },
  };
}

/** What there is to doubt of a part, in words. */
function marksOf(part, info) {
  const marks = [];
  if (info.unknown.some((word) => word.trim() === part.source.trim())) marks.push(say("mark.unknown"));
  if (part.how === "request") marks.push(say("mark.request"));
  if (GUESSED.includes(part.how) && part.english) marks.push(say("mark.guess"));
  const foreign = info.foreign.find(({ text }) => text.trim() === part.source.trim());
  if (foreign) marks.push(say(`mark.foreign.${foreign.language}`));
  for (const [, instead] of neighboursOf(part.english, info)) {
    marks.push(instead ? say("mark.neighbour", { instead }) : say("mark.unseen"));
  }
  return [...new Set(marks)];
}

function neighboursOf(english, info) {
  const words = english.toLowerCase();
  return Object.entries(info.neighbours).filter(([word]) =>
    new RegExp(`(?<![a-z0-9])${word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![a-z0-9])`).test(words),
  );
}

/** What concerns the prompt as a whole, or could not be put to one part. */
function notesOf(info) {
  const said = (key, list, join = "、") => (list.length ? [say(key, { list: list.join(join) })] : []);
  const sources = info.parts.map((part) => part.source.trim());
  const elsewhere = Object.entries(info.neighbours).filter(
    ([word]) => !info.parts.some((part) => neighboursOf(part.english, { neighbours: { [word]: "" } }).length),
  );
  return [
    ...said("note.read", info.read ? [info.read] : []),
    ...said(
      "note.unknown",
      info.unknown.filter((word) => !sources.includes(word.trim())),
    ),
    ...said(
      "note.neighbours",
      elsewhere.map(([word, instead]) => `${word} → ${instead || "—"}`),
    ),
    ...said(
      "note.foreign",
      info.foreign.map(({ text }) => text).filter((text) => !sources.includes(text.trim())),
    ),
    ...said(
      "note.loras",
      Object.entries(info.loras).map(([name, weight]) => `${name} ${weight}`),
    ),
    ...said("note.embeddings", info.embeddings),
    ...said("note.ignored", info.ignored),
    ...said("note.unused", info.unused),
    ...said("note.truncated", info.truncated_text ? [info.truncated_text] : []),
  ];
}

/** When a variant is drawn: 「ステップ 1–4」, and its weight where AND joins several. */
export function stepsOf(variant, joined) {
  const steps = variant.steps.map(([from, to]) => (from === to ? from : `${from}–${to}`)).join(", ");
  return joined
    ? say("reading.conjunct", { steps, conjunct: variant.conjunct, weight: variant.weight })
    : say("reading.steps", { steps });
}
