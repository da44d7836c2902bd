/* The viewer: one picture large, with what is known of it and what can be done with it. */

import { api } from "./api.js";
import { button, setWord } from "./dom.js";
import { make } from "./elements.js";
import { showFacts } from "./facts.js";
import { heatOf } from "./heat.js";
import { pictures } from "./pictures.js";
import { on } from "./state.js";
import { actionsOf } from "./viewer_actions.js";

const SWIPE = 60; // CSS pixels
const NEAR_END = 5; // pictures before the end of the list at which the next ones are read

/** @param {HTMLElement} root */
export function mountViewer(root) {
  let picture = null;
  let job = null;
  let opener = null;
  let at = -1; // its place in the list
  let leave = new AbortController(); // what belongs to the picture that is shown ends with it

  const title = make("h2", { id: "viewer-title", word: "viewer.title" });
  const place = make("span", { class: "place" });
  const image = make("img", { class: "large", draggable: "false" });
  const heat = make("canvas", { class: "heat", hidden: true, "aria-hidden": "true" });
  const previous = button("viewer.previous.sign", () => step(-1), {
    wordLabel: "viewer.previous",
    class: "step previous",
  });
  const next = button("viewer.next.sign", () => step(1), { wordLabel: "viewer.next", class: "step next" });
  const board = make("div", { class: "board" }, image, heat);
  const stage = make("div", { class: "viewer-stage" }, board, previous, next);
  const status = make("p", { class: "status", role: "status" });
  const spoken = make("p", { class: "unseen", role: "status" }); // the one of the page is out of reach behind a dialog
  const failed = make("p", { class: "banner error", role: "alert", hidden: true });
  const actions = make("div", { class: "actions" });
  const words = make("section", { class: "heat-words", hidden: true });
  const facts = make("section", { class: "facts" });
  const close = button("viewer.close.sign", () => dialog.close(), {
    wordLabel: "viewer.close",
    class: "close",
  });
  const bar = make("header", { class: "viewer-bar" }, title, place, close);
  const side = make("div", { class: "side" }, spoken, status, failed, actions, words, facts);
  const dialog = make("dialog", { class: "viewer", "aria-labelledby": "viewer-title" }, bar, stage, side);
  root.append(dialog);

  const viewer = {
    tell: (word, values = {}) => setWord(status, word, values),
    fail: (error) => {
      failed.textContent = error.message;
      failed.hidden = false;
    },
    close: (focus = null) => {
      opener = focus ?? opener;
      dialog.close();
    },
  };

  async function show(wanted) {
    leave.abort(new DOMException("another picture", "AbortError"));
    leave = new AbortController();
    const { signal } = leave;
    const same = picture && pictures.keyOf(picture) === pictures.keyOf(wanted);
    picture = wanted;
    image.src = api.pictureUrl(picture);
    image.alt = picture.prompt || picture.english || "";
    board.style.setProperty("--aspect", picture.width / picture.height);
    heat.hidden = words.hidden = failed.hidden = true;
    refreshPlace();
    if (!same) {
      setWord(status, picture.withheld ? "picture.withheld" : "nothing");
      spoken.textContent = [place.textContent, image.alt].join(": ");
    }
    if (pictures.hasMore() && at >= pictures.all().length - NEAR_END) pictures.more().catch(() => {});
    job = null;
    showFacts(facts, picture, null);
    actions.replaceChildren(...actionsOf({ picture, job, viewer }));
    try {
      job = await api.job(picture.job);
    } catch (error) {
      if (!signal.aborted) viewer.fail(error);
      return;
    }
    if (signal.aborted) return;
    showFacts(facts, picture, job);
    actions.replaceChildren(
      ...actionsOf({
        picture,
        job,
        viewer,
        heat: () => heatOf({ picture, job, canvas: heat, root: words, viewer, signal }),
      }),
    );
  }

  function step(by) {
    const wanted = pictures.all()[pictures.find(picture) + by];
    if (wanted) show(wanted);
  }

  dialog.addEventListener("keydown", (event) => {
    if (event.target.matches("input, select, textarea") || event.altKey || event.ctrlKey || event.metaKey)
      return;
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("close", () => {
    leave.abort(new DOMException("closed", "AbortError"));
    picture = null;
    image.removeAttribute("src");
    const target = opener?.isConnected ? opener : document.getElementById("gallery-title");
    target?.focus();
  });
  swipes(stage, step);

  on("view", (wanted) => {
    opener = document.activeElement;
    show(wanted);
    dialog.showModal();
    close.focus();
  });
  on("pictures", () => picture && pictures.find(picture) >= 0 && refreshPlace());
  on("changed", (changed) => {
    if (picture && pictures.keyOf(changed) === pictures.keyOf(picture)) picture.starred = changed.starred;
  });
  on("removed", (removed) => {
    if (!picture || pictures.keyOf(removed) !== pictures.keyOf(picture)) return;
    const { length } = pictures.all();
    if (at < 0 || length === 0) dialog.close();
    else show(pictures.all()[Math.min(at, length - 1)]).then(() => close.focus());
  });
  on("language", () => picture && showFacts(facts, picture, job));

  /** Where the picture stands in the list, which may have grown. */
  function refreshPlace() {
    const { length } = pictures.all();
    at = pictures.find(picture);
    place.textContent = at < 0 ? "" : `${at + 1} / ${length}${pictures.hasMore() ? "+" : ""}`;
    previous.disabled = at <= 0;
    next.disabled = at < 0 || at === length - 1;
  }
}

/** Call `step(±1)` when a finger goes sideways over `element`; up and down scrolls as ever. */
function swipes(element, step) {
  let start = null;
  element.addEventListener("pointerdown", (event) => {
    start = event.isPrimary && event.pointerType !== "mouse" ? event : null;
  });
  element.addEventListener("pointercancel", () => (start = null));
  element.addEventListener("pointerup", (event) => {
    if (!start || event.pointerId !== start.pointerId || visualViewport.scale > 1.01) return;
    const across = event.clientX - start.clientX;
    if (Math.abs(across) > SWIPE && Math.abs(across) > 1.5 * Math.abs(event.clientY - start.clientY)) {
      step(across < 0 ? 1 : -1);
    }
  });
}
