/* The picture that drawing starts from: where it comes from, and how it looks in the form. */

import { api } from "./api.js";
import { hasCamera, takePhoto } from "./camera.js";
import { dataUri, loadImage } from "./dom.js";
import { announce } from "./elements.js";
import { askAboutRecord } from "./found.js";
import { keep, kept } from "./keep.js";
import { language, say } from "./language.js";
import { MaskLayer } from "./mask_layer.js";
import { picturesIn, readPicture, recordOf } from "./picture_file.js";
import { takeOver } from "./record.js";
import { makePanel } from "./source_panel.js";
import { inputs, on } from "./state.js";

const KEPT = "source";

/** @param {HTMLElement} root */
export function mountSource(root) {
  let source = null; // {url, value, width, height, file | null, mask: {file, share} | null}
  const panel = makePanel(root, { take, camera: hasCamera() ? camera : null, remove, setMask });

  /** Take a file of the user's: its settings, or itself, or both. */
  async function take(file, { left = 0 } = {}) {
    panel.notes([]);
    panel.tell("source.reading");
    try {
      const picture = await readPicture(file).catch(() => null);
      if (!picture) return panel.warn("source.notPicture", { name: file.name ?? "" });
      const record = await recordOf(file);
      const url = URL.createObjectURL(picture.file);
      const wish = record ? await askAboutRecord(url, record) : { settings: false, source: true };
      panel.tell();
      if (wish.settings) tellNotes([...takeOver(record.options, { model: record.model }), ...record.notes]);
      if (!wish.source) return URL.revokeObjectURL(url);
      await use({ ...picture, url, value: await dataUri(picture.file) });
      if (left > 0) panel.tell("source.first", { left });
      if (picture.shrunk) panel.tell("source.shrunk", { width: picture.width, height: picture.height });
    } catch (error) {
      panel.fail(error);
    }
  }

  function tellNotes(notes) {
    panel.notes([{ ja: say("found.taken", {}, "ja"), en: say("found.taken", {}, "en") }, ...notes]);
    announce([say("found.taken"), ...notes.map((note) => note[language()])].join(" "));
  }

  async function camera() {
    try {
      const photo = await takePhoto();
      if (photo) await take(photo);
    } catch {
      return false; // there is none, or it may not be used: a file will do
    }
    return true;
  }

  /** Make a picture the source; a mask of the one before it goes. */
  async function use(picture) {
    const had = source;
    source = { file: null, mask: null, ...picture };
    if (had?.url.startsWith("blob:") && had.url !== source.url) URL.revokeObjectURL(had.url);
    inputs.set({ image: source.value, mask: source.mask ? await dataUri(source.mask.file) : null });
    panel.show(source);
    if (had?.mask && !source.mask) panel.tell("source.mask.gone");
    announce(say("source.taken"));
    await keep(KEPT, source);
  }

  /** Use what the server has. */
  async function useOfServer(value, { maskAt = null } = {}) {
    const url = api.url(pathOf(value));
    try {
      const { naturalWidth: width, naturalHeight: height } = await loadImage(url);
      const mask = maskAt && (await readMask(api.url(pathOf(maskAt)), { width, height }));
      await use({ url, value, width, height, mask });
    } catch {
      panel.warn("source.notPicture", { name: url });
    }
  }

  /** Use what a job was given, and no more than that. */
  async function useGiven({ image = null, mask = null, image_prompt = null, controls = null }) {
    inputs.set({ image_prompt, controls });
    if (image) await useOfServer(image, { maskAt: mask });
    else if (source) remove();
  }

  async function setMask(mask) {
    source.mask = mask;
    inputs.set({ mask: mask ? await dataUri(mask.file) : null });
    panel.show(source);
    await keep(KEPT, source);
  }

  function remove() {
    source = null;
    panel.notes([]);
    inputs.set({ image: null, mask: null });
    panel.show(null);
    announce(say("source.removed"));
    keep(KEPT, null);
  }

  on("source", (wish) =>
    wish.given ? useGiven(wish.given) : useOfServer({ job: wish.job, picture: wish.index }),
  );
  on("inputs", (names) => {
    if (source && names.includes("image") && inputs.get("image") === null) remove();
  });
  kept(KEPT).then((before) => {
    if (!before || source) return;
    use(before.file ? { ...before, url: URL.createObjectURL(before.file) } : before);
  });
  takeDropped(take);
  takePasted(take);
}

/** Where the server has a picture that a body names: a finished one, or one that a job was given. */
const pathOf = ({ job, picture = null, input, index = 0 }) =>
  `v1/jobs/${job}/${picture === null ? `inputs/${input}/${index}` : `pictures/${picture}`}`;

async function readMask(url, { width, height }) {
  const file = await (await fetch(url)).blob();
  const layer = new MaskLayer(width, height);
  layer.paste(await loadImage(url));
  return { file, share: layer.share() };
}

/** Take what is dropped anywhere on the page. */
function takeDropped(take) {
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const veil = document.body.classList;
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    veil.add("dropping");
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget ?? veil.remove("dropping"));
  document.addEventListener("drop", (event) => {
    veil.remove("dropping");
    if (!hasFiles(event)) return;
    event.preventDefault(); // else the browser would leave the page for the file
    const found = picturesIn(event.dataTransfer);
    take(found[0] ?? event.dataTransfer.files[0], { left: found.length - 1 });
  });
}

/** Take a pasted picture; pasted text goes where it always goes. */
function takePasted(take) {
  document.addEventListener("paste", (event) => {
    const [file] = picturesIn(event.clipboardData);
    if (!file || event.clipboardData.getData("text/plain")) return;
    event.preventDefault();
    take(file);
  });
}
