/* The English of the prompt, shown while one types, and its editing. */

import { api } from "./api.js";
import { announce, make } from "./elements.js";
import { say } from "./language.js";
import { showParts, stepsOf } from "./parts.js";
import { on, settings } from "./state.js";

const PAUSE = 300; // ms without a key before the server is asked
const READ_ANEW = ["prompt", "english", "translate", "num_inference_steps", "model"];

/** Keep the reading in `root` up to date with the text field `area`; light stretches of it in `backing`. */
export function mountReading(root, { area, backing }) {
  let timer = null;
  let composing = false;
  let number = 0;
  let shown = { info: null, error: null };
  let views = [];

  area.addEventListener("compositionstart", () => (composing = true));
  area.addEventListener("compositionend", () => {
    composing = false;
    later();
  });
  document.addEventListener("selectionchange", () => {
    if (document.activeElement === area) for (const view of views) view.lightAt(area.selectionStart);
  });
  on("settings", (names) => names.some((name) => READ_ANEW.includes(name)) && later());
  on("capabilities", later);
  on("connection", (there) => there && shown.error?.code === "connection" && later());
  on("language", show);

  function later() {
    clearTimeout(timer);
    timer = setTimeout(read, PAUSE);
  }

  async function read() {
    if (composing) return; // the end of the composition asks again
    const mine = ++number;
    const english = settings.get("english");
    const prompt = english ?? settings.get("prompt");
    const found = { info: null, error: null };
    if (prompt?.trim()) {
      try {
        found.info = await api.explain({
          prompt,
          translate: english === null ? (settings.get("translate") ?? "auto") : "never",
          ...(settings.get("num_inference_steps") && {
            num_inference_steps: settings.get("num_inference_steps"),
          }),
        });
      } catch (error) {
        found.error = error;
        if (error.status === 503) later(); // a model is being loaded
      }
    }
    if (mine !== number) return; // an older answer
    shown = found;
    show();
  }

  function show() {
    const { info, error } = shown;
    const edited = settings.get("english") !== null;
    views = [];
    light(null);
    if (!edited || !root.querySelector("#english")) root.replaceChildren(...(edited ? editor() : []));
    const body = root.querySelector(".read") ?? make("div", { class: "read" });
    body.replaceChildren();
    root.append(body);
    root.hidden = !edited && !info && !error;
    if (error) return body.append(make("p", { class: "notes" }, error.message));
    if (!info) return;
    if (edited) return body.append(...about(info));
    body.append(
      make(
        "div",
        { class: "row" },
        make("h3", { word: "reading.title" }),
        make("button", {
          type: "button",
          class: "small",
          word: "reading.edit",
          onclick: () => edit(info.english),
        }),
      ),
    );
    const joined = info.variants.some((variant) => variant.conjunct > 1);
    for (const variant of info.variants.length ? info.variants : [info]) {
      if (variant.steps) body.append(make("h4", {}, stepsOf(variant, joined)));
      views.push(showParts(body, variant, { typed: area.value, light }));
    }
    body.append(...about(info));
  }

  /** Light a stretch of the text field; it cannot mark its own text, a copy of it behind it can. */
  function light(stretch) {
    const text = area.value;
    if (stretch === null) return (backing.textContent = `${text}\n`);
    backing.replaceChildren(
      text.slice(0, stretch[0]),
      make("mark", {}, text.slice(...stretch)),
      `${text.slice(stretch[1])}\n`,
    );
  }

  function edit(english) {
    settings.set({ english, english_of: settings.get("prompt") });
    announce(say("reading.editing"));
    show();
    root.querySelector("#english").focus();
  }

  function editor() {
    const field = make("textarea", {
      id: "english",
      lang: "en",
      rows: 2,
      spellcheck: "false",
      autocomplete: "off",
    });
    field.value = settings.get("english");
    field.addEventListener("input", () => settings.set({ english: field.value }));
    const back = () => {
      settings.set({ english: null, english_of: null });
      show();
      area.focus();
      read();
    };
    return [
      make(
        "div",
        { class: "row" },
        make("label", { for: "english", word: "reading.edited" }),
        make("button", { type: "button", class: "small", word: "reading.automatic", onclick: back }),
      ),
      field,
    ];
  }

  /** Tokens, and what an edited English has to say of itself. */
  function about(info) {
    const notes = [say("reading.tokens", { tokens: info.tokens })];
    if (settings.get("english") !== null) {
      notes.unshift(
        say(settings.get("english_of") === settings.get("prompt") ? "reading.sent" : "reading.stale"),
      );
      const unseen = Object.entries(info.neighbours).map(([word, instead]) => `${word} → ${instead || "—"}`);
      if (unseen.length) notes.unshift(say("note.neighbours", { list: unseen.join("、") }));
    }
    return notes.map((note) => make("p", { class: "help" }, note));
  }

  later();
}
