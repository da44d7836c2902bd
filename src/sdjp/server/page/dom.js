/* Texts, dialogs and files: what several parts of the page need. */

import { make } from "./elements.js";
import { language, translateOne } from "./language.js";

/** Give an element another text, which follows the language; `kind` is word, wordLabel, wordPlaceholder, wordTitle. */
export function setWord(element, key, values = {}, kind = "word") {
  element.dataset[kind] = key;
  Object.assign(element.dataset, values);
  translateOne(element);
}

/** The text of a message of the server, {ja, en}. */
export const told = (message) => (language() === "en" ? message.en : message.ja);

/** A button with a text. */
export const button = (word, call, rest = {}) =>
  make("button", { type: "button", word, onclick: call, ...rest });

/** Ask before something that cannot be undone. @returns {Promise<boolean>} */
export function ask(question, yes, values = {}) {
  return new Promise((resolve) => {
    const dialog = make(
      "dialog",
      { class: "question", "aria-labelledby": "question-text" },
      make("p", { id: "question-text", word: question, values }),
      make(
        "div",
        { class: "deeds" },
        button(yes, () => dialog.close("yes"), { class: "danger" }),
        button("question.no", () => dialog.close(), { autofocus: true }),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A file as a data URI, which is how the server takes pictures. @returns {Promise<string>} */
export function dataUri(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

/** A picture that the browser has read. @returns {Promise<HTMLImageElement>} */
export async function loadImage(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

/** Bytes as people write them. */
export function bytesText(bytes) {
  const power = Math.min(Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(1000)), 3);
  const number = bytes / 1000 ** power;
  return `${number >= 100 || power === 0 ? Math.round(number) : number.toFixed(1)} ${["B", "kB", "MB", "GB"][power]}`;
}
