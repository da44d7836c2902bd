/* Painting a mask: a dialog with the picture, a brush, and the way back. */

import { button, loadImage, setWord } from "./dom.js";
import { make } from "./elements.js";
import { MaskLayer } from "./mask_layer.js";
import { MaskView } from "./mask_view.js";
import { paintWithKeys, paintWithPointer } from "./mask_input.js";
import { say } from "./language.js";

const SIZES = { min: 1, max: 50, value: 12 }; // width of the brush in percent of the longer side

/** Let the user paint over a picture.
 *
 * @param {{url: string, width: number, height: number, mask: Blob | null}} of The picture, its size, and what is
 *   painted already.
 * @returns {Promise<{file: Blob, share: number} | null | undefined>} The mask as PNG of the picture's size, white
 *   where it is to be redrawn; null if nothing is painted; undefined to leave all as it was.
 */
export async function paintMask({ url, width, height, mask }) {
  const layer = new MaskLayer(width, height);
  if (mask) await pasteInto(layer, mask);
  const picture = make("img", { src: url, alt: "", draggable: "false" });
  const canvas = make("canvas", {
    tabindex: "0",
    role: "application",
    wordLabel: "mask.board",
    "aria-describedby": "mask-help",
  });
  const board = make("div", { class: "board" }, picture, canvas);
  board.style.setProperty("--aspect", width / height);
  const view = new MaskView(canvas, layer);
  const status = make("p", { class: "status", role: "status" });
  const brush = { erase: false, size: SIZES.value };
  const radius = () => Math.max(0.5, (brush.size / 200) * Math.max(width, height));

  const size = make("input", { type: "range", id: "mask-size", step: "1", ...SIZES });
  size.addEventListener("input", () => {
    brush.size = Number(size.value);
    view.ring(null, radius());
  });
  const resize = (by) => {
    size.value = Number(size.value) + by;
    size.dispatchEvent(new Event("input"));
  };
  const setErase = (erase) => {
    brush.erase = erase;
    brushButton.setAttribute("aria-pressed", String(!erase));
    eraserButton.setAttribute("aria-pressed", String(erase));
  };
  const brushButton = button("mask.brush", () => setErase(false), { class: "small" });
  const eraserButton = button("mask.eraser", () => setErase(true), { class: "small" });
  const undo = button("mask.undo", () => change(() => layer.undo()), { class: "small" });
  const redo = button("mask.redo", () => change(() => layer.redo()), { class: "small" });
  const invert = button("mask.invert", () => change(() => layer.invert()), { class: "small" });
  const clear = button("mask.clear", () => change(() => layer.clear()), { class: "small" });

  function change(call) {
    call();
    view.draw();
    tell();
  }

  function tell() {
    undo.disabled = !layer.done.length;
    redo.disabled = !layer.undone.length;
    const share = layer.share();
    if (share) setWord(status, "mask.share", { share: Math.max(1, Math.round(100 * share)) });
    else setWord(status, "mask.none");
  }

  const tools = {
    layer,
    view,
    radius,
    erase: () => brush.erase,
    setErase,
    resize,
    changed: () => change(() => {}),
  };
  paintWithPointer(canvas, tools);
  paintWithKeys(canvas, {
    ...tools,
    tell: ({ x, y }) => {
      const painted = say(layer.at({ x, y }) ? "mask.painted" : "mask.bare");
      setWord(status, "mask.cursor", {
        x: Math.round((100 * x) / width),
        y: Math.round((100 * y) / height),
        painted,
      });
    },
  });

  return new Promise((resolve) => {
    let answer;
    const done = async () => {
      layer.end();
      const share = layer.share();
      answer = share ? { file: await layer.png(), share } : null;
      dialog.close();
    };
    const dialog = make(
      "dialog",
      { class: "mask", "aria-labelledby": "mask-title" },
      make("h2", { id: "mask-title", word: "mask.title" }),
      make("div", { class: "viewer-stage" }, board),
      make(
        "div",
        { class: "mask-tools" },
        make("div", { class: "together", role: "group", wordLabel: "mask.tools" }, brushButton, eraserButton),
        make(
          "div",
          { class: "field brush-size" },
          make("label", { for: "mask-size", word: "mask.size" }),
          size,
        ),
        make("div", { class: "deeds" }, undo, redo, invert, clear),
        status,
        make(
          "div",
          { class: "deeds ends" },
          button("mask.done", done, { class: "main" }),
          button("mask.cancel", () => dialog.close(), { class: "small" }),
        ),
        make("p", { class: "help", id: "mask-help", word: "mask.help" }),
      ),
    );
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault(); // Escape must not cost what was painted
      done();
    });
    dialog.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || !["z", "y"].includes(event.key.toLowerCase())) return;
      event.preventDefault();
      change(() => (event.shiftKey || event.key.toLowerCase() === "y" ? layer.redo() : layer.undo()));
    });
    dialog.addEventListener("close", () => {
      view.stop();
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
    setErase(false);
    tell();
    canvas.focus();
  });
}

async function pasteInto(layer, mask) {
  const url = URL.createObjectURL(mask);
  try {
    layer.paste(await loadImage(url));
  } finally {
    URL.revokeObjectURL(url);
  }
}
