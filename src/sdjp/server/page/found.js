/* A picture that tells how it was made: what shall be done with it? */

import { button } from "./dom.js";
import { make } from "./elements.js";

/** Ask.
 *
 * @param {string} url Of the picture.
 * @param {{options: object}} record
 * @returns {Promise<{settings: boolean, source: boolean}>}
 */
export function askAboutRecord(url, record) {
  return new Promise((resolve) => {
    const { prompt } = record.options;
    const choose = (answer) => () => dialog.close(answer);
    const dialog = make(
      "dialog",
      { class: "question", "aria-labelledby": "found-title", "aria-describedby": "found-text" },
      make("h2", { id: "found-title", word: "found.title" }),
      make("img", { src: url, alt: "", class: "small" }),
      make("p", { id: "found-text", word: "found.text" }),
      prompt ? make("p", { class: "words", word: "found.prompt", values: { prompt } }) : null,
      make(
        "div",
        { class: "deeds" },
        button("found.settings", choose("settings"), { autofocus: true }),
        button("found.source", choose("source"), { class: "small" }),
        button("found.both", choose("both"), { class: "small" }),
        button("found.cancel", choose(""), { class: "small" }),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      const answer = dialog.returnValue;
      resolve({
        settings: ["settings", "both"].includes(answer),
        source: ["source", "both"].includes(answer),
      });
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
