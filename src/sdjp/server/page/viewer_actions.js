/* What can be done with a picture. */

import { api } from "./api.js";
import { capabilities, model, schemaOf } from "./capabilities.js";
import { ask, button, setWord, told } from "./dom.js";
import { draw } from "./draw.js";
import { announce, make } from "./elements.js";
import { pictures } from "./pictures.js";
import { bodyOf, optionsOf, takeOver } from "./record.js";
import { emit } from "./state.js";

const VARIATIONS = 4;
const SLIGHTLY = 0.4; // strength
const FACTORS = [2, 3, 4];

/** The buttons of a picture.
 *
 * @param {{picture, job, viewer: {tell, fail, close}, heat?: () => void}} of `job` is null until it is read.
 * @returns {HTMLElement[]}
 */
export function actionsOf({ picture, job, viewer, heat }) {
  const act = (word, call, rest = {}) =>
    button(
      word,
      async ({ currentTarget }) => {
        currentTarget.disabled = true;
        try {
          await call();
        } catch (error) {
          if (error.name !== "AbortError") viewer.fail(error);
        } finally {
          currentTarget.disabled = false;
        }
      },
      { class: "small", ...rest },
    );
  const drawn = job?.task === "generate";
  const count = Math.min(VARIATIONS, capabilities().limits.max_pictures);
  return [
    star(picture, viewer),
    make("a", {
      class: "button small",
      href: api.pictureUrl(picture, { download: true }),
      download: `sdjp-${picture.job}-${picture.index}.png`,
      word: "picture.download",
    }),
    drawn && act("picture.again", () => again(picture, job, viewer)),
    drawn && act("picture.seeds", () => otherSeeds(picture, job, viewer, count), { values: { count } }),
    job && act("picture.slightly", () => slightly(picture, job, viewer, count), { values: { count } }),
    act("picture.source", () => {
      emit("source", picture);
      viewer.close(document.querySelector("#source button"));
    }),
    job && enlarge(picture, act, viewer),
    drawn && heat && act("picture.heat", heat),
    act("picture.remove", () => remove(picture, viewer), { class: "small danger" }),
  ].filter(Boolean);
}

function star(picture, viewer) {
  const element = make("button", {
    type: "button",
    class: "small",
    onclick: async () => {
      const wanted = !picture.starred;
      try {
        await pictures.star(picture, wanted);
        picture.starred = wanted;
        write();
      } catch (error) {
        viewer.fail(error);
      }
    },
  });
  const write = () => {
    element.setAttribute("aria-pressed", String(picture.starred));
    setWord(element, picture.starred ? "picture.star.on" : "picture.star.off");
  };
  write();
  return element;
}

function again(picture, job, viewer) {
  const notes = takeOver(optionsOf(job, picture), { model: job.model });
  emit("source", { given: job.given });
  viewer.close(document.getElementById("prompt"));
  announce(
    [{ ja: "設定をフォームに入れました。", en: "The settings are in the form." }, ...notes]
      .map(told)
      .join(" "),
  );
}

async function otherSeeds(picture, job, viewer, count) {
  await draw({ ...bodyOf(job, picture), seed: null, num_images_per_prompt: count });
  viewer.close(document.getElementById("prompt"));
}

async function slightly(picture, job, viewer, count) {
  await draw({
    ...optionsOf(job, picture),
    ...sizeOf(picture, job),
    model: job.model,
    image: { job: picture.job, picture: picture.index },
    strength: SLIGHTLY,
    hires: null,
    upscaler: null,
    seed: null,
    num_images_per_prompt: count,
  });
  viewer.close(document.getElementById("prompt"));
}

/** The size that a picture had before it was enlarged, as the model can draw it; nothing if it was not. */
function sizeOf(picture, job) {
  if (job.task !== "upscale") return {};
  const unit = model().defaults.factor;
  const side = (length) => Math.max(unit, unit * Math.round(length / job.factor / unit));
  return { width: side(picture.width), height: side(picture.height) };
}

/** A choice of factors that the server takes, and a button. */
function enlarge(picture, act, viewer) {
  const { limits, upscalers } = capabilities();
  const most = limits.max_picture_pixels;
  const factors = FACTORS.filter((factor) => picture.width * picture.height * factor ** 2 <= most);
  if (!factors.length) return null;
  const choice = make(
    "select",
    { id: "enlarge-factor", wordLabel: "picture.enlarge.factor" },
    ...factors.map((factor) => make("option", { value: factor }, `${factor}×`)),
  );
  return make(
    "span",
    { class: "together" },
    choice,
    act("picture.enlarge", async () => {
      await draw({
        task: "upscale",
        image: { job: picture.job, picture: picture.index },
        factor: Number(choice.value),
        ...(upscalers.length ? { upscaler: upscalers[0] } : {}),
        ...(picture.prompt && schemaOf("prompt") ? { prompt: picture.prompt } : {}),
      });
      viewer.close(document.getElementById("prompt"));
    }),
  );
}

async function remove(picture, viewer) {
  if (!(await ask("picture.remove.question", "picture.remove"))) return;
  await pictures.remove(picture);
  viewer.tell("picture.removed");
}
