/* Elements in one call each. */

import { translateOne } from "./language.js";

/** Make an element: `make("button", {type: "button", word: "draw", onclick: draw}, …children)`.
 *
 * word, wordLabel, wordPlaceholder and wordTitle are keys of words.js; `values` are what goes in their braces;
 * functions are listeners; true, false and null set or leave out an attribute. Text is always text, never markup.
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("word")) element.dataset[name] = value;
    else if (name === "values") Object.assign(element.dataset, value);
    else if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
  translateOne(element);
  return element;
}

/** Read `text` out, where nothing else tells it to a screen reader. */
export function announce(text) {
  const place = document.getElementById("spoken");
  place.textContent = "";
  // Two changes at once are one to a screen reader, and the same text twice would be none.
  setTimeout(() => (place.textContent = text), 50);
}
