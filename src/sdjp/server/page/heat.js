/* Which word drew what: the words of a picture's prompt, and the place of each as heat over the picture. */

import { api } from "./api.js";
import { button, setWord } from "./dom.js";
import { drawAside } from "./draw.js";
import { make } from "./elements.js";
import { paintHeat, readMap, strongestPlace } from "./heat_map.js";
import { say } from "./language.js";
import { pictures } from "./pictures.js";
import { bodyOf } from "./record.js";
import { emit } from "./state.js";

const read = new Map(); // picture -> its attention; drawing again takes time

/** Show the words of a picture in `root` and, for the one that is pointed at, its heat on `canvas`.
 *
 * @param {{picture, job, canvas: HTMLCanvasElement, root: HTMLElement, viewer: {tell}, signal: AbortSignal}} of
 */
export async function heatOf({ picture, job, canvas, root, viewer, signal }) {
  const key = pictures.keyOf(picture);
  if (!read.has(key)) read.set(key, await attentionOf({ picture, job, viewer, root, signal }));
  if (signal.aborted) return;
  viewer.tell("heat.ready");
  showWords({ attention: read.get(key), picture, canvas, root });
}

/** The attention that was recorded, or that drawing the same picture again records. */
async function attentionOf({ picture, job, viewer, root, signal }) {
  if (job.options.attention) return api.attention(picture);
  const stop = new AbortController();
  signal.addEventListener("abort", () => stop.abort(signal.reason));
  root.hidden = false;
  root.replaceChildren(
    button("heat.stop", () => stop.abort(new DOMException("stopped", "AbortError")), { class: "small" }),
  );
  viewer.tell("heat.drawing");
  try {
    const again = await drawAside(
      { ...bodyOf(job, picture), attention: true },
      ({ progress, position }) => {
        if (progress) viewer.tell("heat.progress", { step: progress.step, total: progress.total });
        else if (position) viewer.tell("heat.waiting", { position });
      },
      stop.signal,
    );
    if (again.state !== "done") throw again.error ?? new DOMException("stopped", "AbortError");
    const attention = await api.attention({ job: again.id, index: 0 });
    await api.removeJob(again.id).catch(() => {}); // the same picture once more: nobody wants it twice
    emit("removed", { job: again.id, index: 0 });
    return attention;
  } catch (error) {
    root.hidden = true;
    viewer.tell("heat.stopped");
    throw error;
  }
}

function showWords({ attention, picture, canvas, root }) {
  const size = { height: attention.height, width: attention.width };
  const words = attention.words.map((word) => ({ ...word, values: readMap(word.map) }));
  const where = make("p", { class: "where", role: "status" });
  let kept = null;

  const show = (word) => {
    canvas.hidden = word === null;
    for (const chip of chips) chip.classList.toggle("lit", chip.dataset.source === word?.source);
    if (word === null) return;
    Object.assign(canvas, { width: picture.width, height: picture.height });
    paintHeat(canvas, word.values, size);
    setWord(where, "heat.where", { ...placeOf(word), source: word.source });
  };
  const placeOf = ({ values }) => {
    const { row, column, share } = strongestPlace(values, size);
    return { place: say(`place.${row}${column}`), share: Math.round(100 * share) };
  };
  const keep = (word) => {
    kept = kept === word ? null : word;
    for (const chip of chips) chip.setAttribute("aria-pressed", String(chip.dataset.source === kept?.source));
    show(kept);
    if (kept === null) setWord(where, "heat.none");
  };
  const chips = words.map((word) =>
    make(
      "button",
      {
        type: "button",
        class: "chip",
        "aria-pressed": "false",
        values: { source: word.source },
        onclick: () => keep(word),
        onfocus: () => show(word),
        onblur: () => show(kept),
        onpointerenter: ({ pointerType }) => pointerType === "mouse" && show(word),
        onpointerleave: ({ pointerType }) => pointerType === "mouse" && show(kept),
      },
      make("span", { lang: "ja" }, word.source),
      make("span", { class: "english", lang: "en" }, word.english),
      make("span", { class: "unseen", word: "heat.place", values: placeOf(word) }),
    ),
  );
  root.hidden = false;
  root.replaceChildren(
    make("h3", { word: "heat.title" }),
    make("p", { class: "help", word: "heat.help" }),
    make("div", { class: "chips" }, ...chips),
    where,
  );
  setWord(where, chips.length ? "heat.none" : "heat.empty");
  chips[0]?.focus();
}
