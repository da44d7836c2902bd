/* How the source picture looks in the form. */

import { model, schemaOf } from "./capabilities.js";
import { button, setWord, told } from "./dom.js";
import { make } from "./elements.js";
import { field, labelOf } from "./fields.js";
import { paintMask } from "./mask.js";
import { emit, inputs, on, settings } from "./state.js";

const SHAPE = 1.02; // shapes that differ less are the same
const CELLS = 4; // sides are multiples of so many latent cells: what every UNet here can halve

/** Fill `root`.
 *
 * @param {{take, camera, remove, setMask}} can What the panel can ask for; `camera` is null without one.
 * @returns {{show, tell, warn, fail, notes}}
 */
export function makePanel(root, { take, camera, remove, setMask }) {
  const status = make("p", { class: "status", role: "status" });
  const warning = make("p", { class: "error", role: "alert", hidden: true });
  const notes = make("div", { class: "notes" });
  const chooser = fileInput(take);
  const photo = fileInput(take, { capture: "environment" });
  const shooting = async () => {
    if (matchMedia("(pointer: coarse)").matches || !camera || !(await camera())) photo.click();
  };
  const choose = button("source.choose", () => chooser.click(), { class: "small" });
  const choices = make(
    "div",
    { class: "deeds" },
    choose,
    camera || matchMedia("(pointer: coarse)").matches
      ? button("source.camera", shooting, { class: "small" })
      : null,
  );
  const help = make("p", { class: "help", word: "source.help" });
  const others = make("div", { class: "deeds", hidden: true });
  const shown = make("div", { class: "source" });
  const feather = field("feather");
  const options = make(
    "div",
    { class: "source-options", hidden: true },
    slider("strength"),
    field("fit"),
    feather,
  );
  root.setAttribute("data-answers", "image mask limit.picture_pixels");
  const title = make("h3", { word: "source.title" });
  root.append(title, help, shown, options, others, choices, chooser, photo, status, warning, notes);
  document.body.append(make("div", { class: "veil", word: "source.drop", "aria-hidden": "true" }));

  let current = null;
  let maskUrl = null;
  function show(source) {
    current = source;
    options.hidden = source === null;
    if (feather) feather.hidden = !source?.mask;
    help.hidden = source !== null;
    setWord(choose, source ? "source.change" : "source.choose");
    warning.hidden = true;
    setWord(status, "nothing");
    URL.revokeObjectURL(maskUrl);
    maskUrl = source?.mask ? URL.createObjectURL(source.mask.file) : null;
    shown.replaceChildren(...(source ? parts(source) : []));
  }

  function parts(source) {
    const { width, height, mask } = source;
    const share = mask && Math.max(1, Math.round(100 * mask.share));
    return [
      make(
        "div",
        { class: "source-picture" },
        make("img", { src: source.url, alt: "", class: "small" }),
        mask ? paintedOver(maskUrl) : null,
      ),
      make(
        "div",
        { class: "source-tools" },
        make("p", { word: "source.shown", values: { width, height } }),
        mask ? make("p", { word: "source.mask.shown", values: { share } }) : null,
        button(mask ? "source.mask.change" : "source.mask", paint, { class: "small" }),
        mask ? button("source.mask.remove", () => setMask(null), { class: "small" }) : null,
        button("source.remove", leave, { class: "small" }),
        likeIt(source, () => shown.querySelector("button").focus()),
      ),
    ];
  }

  async function paint() {
    const { url, width, height, mask } = current;
    const painted = await paintMask({ url, width, height, mask: mask?.file ?? null });
    if (painted !== undefined) await setMask(painted);
    shown.querySelector("button")?.focus();
  }

  function leave() {
    remove();
    choose.focus();
  }

  on(
    "settings",
    (names) => current && names.some((name) => ["width", "height"].includes(name)) && show(current),
  );
  on("capabilities", () => current && show(current));
  on("inputs", () => showOthers(others));

  return {
    show,
    tell: (word = "nothing", values = {}) => setWord(status, word, values),
    warn: (word, values = {}) => {
      setWord(status, "nothing");
      setWord(warning, word, values);
      warning.hidden = false;
    },
    fail: (error) => {
      setWord(status, "nothing");
      emit("error", error);
    },
    notes: (list) => notes.replaceChildren(...list.map((note) => make("p", { class: "note" }, told(note)))),
  };
}

/** Pictures that go along and that only an earlier job can have brought: they can be left out. */
function showOthers(root) {
  const prompts = inputs.get("image_prompt")?.length ?? 0;
  const names = (inputs.get("controls") ?? []).map(({ name }) => name).join(", ");
  const leave = () => inputs.set({ image_prompt: null, controls: null });
  root.hidden = !prompts && !names;
  root.replaceChildren(
    ...[
      prompts ? make("p", { word: "source.prompts", values: { count: prompts } }) : null,
      names ? make("p", { word: "source.controls", values: { names } }) : null,
      button("source.others.remove", leave, { class: "small" }),
    ].filter(Boolean),
  );
}

function fileInput(take, attributes = {}) {
  const input = make("input", { type: "file", accept: "image/*", hidden: true, ...attributes });
  input.addEventListener("change", () => {
    const [file] = input.files;
    input.value = ""; // so that the same one can be chosen again
    if (file) take(file);
  });
  return input;
}

/** An option with a range, as a slider with its number. */
function slider(name) {
  const { minimum, maximum } = schemaOf(name);
  const standard = () => schemaOf(name).default;
  const id = `option-${name}`;
  const number = make("output", { for: id });
  const range = make("input", { type: "range", id, min: minimum, max: maximum, step: 0.05 });
  const write = () => {
    range.value = settings.get(name) ?? standard();
    number.textContent = range.value;
  };
  range.addEventListener("input", () =>
    settings.set({ [name]: Number(range.value) === standard() ? null : Number(range.value) }),
  );
  on("settings", (names) => names.includes(name) && write());
  on("capabilities", write);
  write();
  const label = make("label", { for: id });
  const rename = () => label.replaceChildren(labelOf(name), " ", number);
  rename();
  on("language", rename);
  return make("div", { class: "field wide", "data-answers": name }, label, range);
}

/** What is painted, over the picture. */
function paintedOver(url) {
  const over = make("div", { class: "painted" });
  over.style.maskImage = `url(${url})`;
  return over;
}

/** A button that sets a size of the picture's own shape, if the one that is set has another. */
function likeIt({ width, height }, after) {
  const { defaults } = model();
  const now = (settings.get("width") ?? defaults.width) / (settings.get("height") ?? defaults.height);
  const shape = width / height;
  if (Math.max(now / shape, shape / now) < SHAPE) return null;
  const unit = CELLS * defaults.factor;
  const side = Math.sqrt(defaults.width * defaults.height);
  const rounded = (value) => Math.max(unit, unit * Math.round(value / unit));
  const wanted = { width: rounded(side * Math.sqrt(shape)), height: rounded(side / Math.sqrt(shape)) };
  const same = (name) => wanted[name] === (settings.get(name) ?? defaults[name]);
  if (same("width") && same("height")) return null;
  const changed = Object.entries(wanted).map(([name, value]) => [
    name,
    value === defaults[name] ? null : value,
  ]);
  const set = () => {
    settings.set(Object.fromEntries(changed));
    after();
  };
  return button("source.sizeLike", set, { class: "small", values: wanted });
}
