/* Japanese or English: which it is, and its texts in the page. */

import { emit } from "./state.js";
import { WORDS as PAGE } from "./words.js";
import { PICTURE_WORDS } from "./words_pictures.js";

const WORDS = { ...PAGE, ...PICTURE_WORDS };
const KEY = "sdjp.language";
const TARGETS = {
  word: (element, text) => (element.textContent = text),
  wordLabel: (element, text) => element.setAttribute("aria-label", text),
  wordPlaceholder: (element, text) => (element.placeholder = text),
  wordTitle: (element, text) => (element.title = text),
};

let current = read() ?? "ja";

function read() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

export const language = () => current;

/** The text of `key`; `{name}` in it is replaced by `values.name`. */
export function say(key, values = {}, wanted = current) {
  const text = WORDS[key]?.[wanted];
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export const known = (key) => key in WORDS;

/** Write the texts of one element: its data-word… are their keys, its other data- what goes in their braces. */
export function translateOne(element) {
  for (const [name, write] of Object.entries(TARGETS)) {
    if (name in element.dataset) write(element, say(element.dataset[name], element.dataset));
  }
}

function translateAll() {
  const wanted = "[data-word], [data-word-label], [data-word-placeholder], [data-word-title]";
  document.querySelectorAll(wanted).forEach(translateOne);
}

export function setLanguage(wanted) {
  current = wanted === "en" ? "en" : "ja";
  document.documentElement.lang = current;
  translateAll();
  emit("language", current);
}

/** Take the server's language, unless this browser's user chose one. */
export function suggestLanguage(wanted) {
  if (read() === null && wanted !== current) setLanguage(wanted);
}

export function mountLanguage(button) {
  setLanguage(current);
  button.addEventListener("click", () => {
    const wanted = current === "ja" ? "en" : "ja";
    try {
      localStorage.setItem(KEY, wanted);
    } catch {
      // It holds until the page is left.
    }
    setLanguage(wanted);
  });
}
