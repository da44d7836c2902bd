/* Asks for the token, where the server wants one. It goes into a cookie that no script can read. */

import { button } from "./dom.js";
import { make } from "./elements.js";

/** Ask until the right one is given: the server answers with this page, and the page begins anew. */
export function askToken(error) {
  const dialog = make(
    "dialog",
    { class: "question", "aria-labelledby": "token-title" },
    make(
      "form",
      { action: "./", method: "get" },
      make("h2", { id: "token-title", word: "token.title" }),
      make("p", { id: "token-why" }, error.message),
      make("label", { for: "token", word: "token.label" }),
      make("input", {
        id: "token",
        name: "token",
        type: "password",
        autocomplete: "current-password",
        required: true,
        autofocus: true,
        "aria-describedby": "token-why",
      }),
      make("div", { class: "deeds" }, button("token.go", () => {}, { type: "submit", class: "main" })),
    ),
  );
  dialog.addEventListener("close", () => dialog.showModal()); // behind it there is nothing
  document.body.append(dialog);
  dialog.showModal();
}
