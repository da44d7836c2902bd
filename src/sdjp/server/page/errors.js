/* An error goes beside the field that its code names, and is read out. */

import { make } from "./elements.js";
import { on } from "./state.js";

let shown = [];

/** Show `error` (ApiError, or whatever else was thrown): in the element with the longest name that its code begins
 * with in data-answers, or else in `place`. */
export function showError(error, place) {
  clearErrors();
  const code = error.code ?? "";
  const owner = ownerOf(code) ?? place;
  const text = make("p", { class: "error", role: "alert", id: "error-text" });
  const write = () => (text.textContent = error.message);
  owner.append(text);
  write(); // after it is in the page: a screen reader tells changes
  const stop = on("language", write);
  const named = owner.querySelector(`#option-${code.split(".")[0]}`);
  const control = named ?? owner.querySelector("textarea, input, select");
  if (owner !== place && control) {
    for (let box = owner.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    control.setAttribute("aria-invalid", "true");
    control.setAttribute("aria-errormessage", text.id);
    control.focus();
  }
  shown.push(() => {
    stop();
    text.remove();
    control?.removeAttribute("aria-invalid");
    control?.removeAttribute("aria-errormessage");
  });
}

export function clearErrors() {
  for (const clear of shown) clear();
  shown = [];
}

function ownerOf(code) {
  let best = { length: 0, owner: null };
  for (const owner of document.querySelectorAll("[data-answers]")) {
    for (const name of owner.dataset.answers.split(" ")) {
      const named = code === name || code.startsWith(`${name}.`);
      if (named && name.length > best.length) best = { length: name.length, owner };
    }
  }
  return best.owner;
}

on("settings", clearErrors);
on("inputs", clearErrors);
