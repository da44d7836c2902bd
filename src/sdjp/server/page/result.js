/* The picture that is being drawn, or was drawn last, and how far it is. */

import { api, ApiError } from "./api.js";
import { model } from "./capabilities.js";
import { announce, make } from "./elements.js";
import { showError } from "./errors.js";
import { cancelJob, goingOn, GOES_ON } from "./jobs.js";
import { say } from "./language.js";
import { emit, on } from "./state.js";

export function mountResult(root) {
  let job = null; // the one shown
  let chosen = null; // index of the picture that is shown large; null: the newest, or the preview
  let told = 0; // halves of the progress that were read out
  const stage = make("div", { class: "stage" });
  const failure = make("div", { class: "failure" });
  const state = make("div", { class: "state" });
  const strip = make("ul", { class: "strip", wordLabel: "result.all" });
  root.append(stage, failure, state, strip);

  on("job", (changed) => {
    const shown = changed.id === job?.id;
    const next = shown || job === null || changed.pictures.length ? changed : job;
    take(goingOn()[0] ?? next);
    if (shown && !GOES_ON.includes(changed.state)) close(changed);
  });
  on("picture", (picture) => {
    if (picture.job !== job?.id) return;
    chosen = null;
    show();
    if (job.progress?.count > 1)
      announce(say("progress.picture", { done: picture.index + 1, count: job.progress.count }));
  });
  on("preview", ({ job: id, image }) => {
    if (id === job?.id && chosen === null && job.state === "drawing")
      showImage(image, say("result.preview"), "preview");
  });
  on("progress", (changed) => changed.id === job?.id && showProgress());
  on("position", (changed) => changed.id === job?.id && showProgress());
  on("removed", ({ job: id, index }) => {
    if (id !== job?.id) return;
    job = { ...job, pictures: job.pictures.filter((picture) => picture.index !== index) };
    chosen = null;
    show();
  });
  on("changed", (picture) => {
    if (picture.job !== job?.id) return;
    job.pictures = job.pictures.map((one) => (one.index === picture.index ? picture : one));
  });
  on("language", show);

  function take(next) {
    if (next.id !== job?.id) {
      chosen = null;
      told = 0;
      failure.replaceChildren();
    }
    job = next;
    show();
  }

  /** Say how it ended. */
  function close(ended) {
    if (ended.state === "done") announce(say("job.done", { count: ended.pictures.length }));
    if (ended.state === "cancelled") announce(say("job.cancelled"));
    if (ended.error) showError(new ApiError(ended.error), failure);
  }

  const kept = () => job.pictures.filter((picture) => !picture.gone);

  function show() {
    showProgress();
    const pictures = job ? kept() : [];
    strip.replaceChildren(...(pictures.length > 1 ? pictures.map(thumbnail) : []));
    strip.hidden = pictures.length < 2;
    const picture = pictures.find(({ index }) => index === chosen) ?? pictures.at(-1);
    if (picture) return showPicture({ ...picture, job: job.id });
    if (job?.state === "drawing" || job?.state === "queued") return waitFor(job);
    stage.className = "stage empty";
    stage.replaceChildren(
      make("p", {}, say(job && job.state !== "done" ? `state.${job.state}` : "result.none")),
    );
  }

  function thumbnail(picture) {
    const image = make("img", { src: api.pictureUrl({ ...picture, job: job.id }), alt: "" });
    return make(
      "li",
      {},
      make(
        "button",
        {
          type: "button",
          "aria-label": say("result.choose", { number: picture.index + 1 }),
          "aria-pressed": String(picture.index === (chosen ?? kept().at(-1).index)),
          onclick: () => {
            chosen = picture.index;
            show();
          },
        },
        image,
      ),
    );
  }

  /** The last picture stays until there is something of the next; or the room that it will need, lest it jumps. */
  function waitFor({ options }) {
    if (stage.querySelector("img.preview")) return;
    const last = stage.querySelector("img");
    if (last) {
      last.className = "last";
      stage.replaceChildren(last);
      return;
    }
    const { width, height } = { ...model()?.defaults, ...present(options) };
    const room = make("div", { class: "room" });
    room.style.aspectRatio = `${width} / ${height}`;
    stage.className = "stage";
    stage.replaceChildren(room);
  }

  function showImage(address, alt, kind) {
    let image = stage.querySelector(`img.${kind}`);
    if (!image) {
      image = make("img", { class: kind });
      stage.className = "stage";
      stage.replaceChildren(image);
    }
    image.alt = alt;
    image.src = address;
    const { width, height } = { ...model()?.defaults, ...present(job.options) };
    image.style.aspectRatio = `${width} / ${height}`;
    return image;
  }

  function showPicture(picture) {
    const image = make("img", {
      class: "picture",
      src: api.pictureUrl(picture),
      width: picture.width,
      height: picture.height,
      alt: say("result.alt", { prompt: picture.prompt }),
    });
    const view = make(
      "button",
      { type: "button", class: "see", wordLabel: "result.view", onclick: () => emit("view", picture) },
      image,
    );
    const save = make("a", {
      class: "button small",
      href: api.pictureUrl(picture, { download: true }),
      download: "",
      word: "result.save",
    });
    const caption = make(
      "figcaption",
      {},
      make("p", { class: "prompt" }, picture.prompt),
      picture.english && picture.english !== picture.prompt
        ? make("p", { class: "english", lang: "en" }, picture.english)
        : null,
      make(
        "p",
        { class: "help" },
        say("result.about", { seed: picture.seed, width: picture.width, height: picture.height }),
      ),
      picture.withheld ? make("p", { class: "warned" }, say("result.withheld")) : null,
      job.notes.map((note) =>
        make("p", { class: "help" }, document.documentElement.lang === "en" ? note.en : note.ja),
      ),
    );
    stage.className = "stage";
    stage.replaceChildren(make("figure", {}, view, make("div", { class: "row" }, caption, save)));
  }

  function showProgress() {
    if (!job || !GOES_ON.includes(job.state)) {
      state.replaceChildren();
      return;
    }
    const { step = 0, total = 0, done = 0, count = 1, seconds_left: left = null } = job.progress ?? {};
    const share = (done + (total ? step / total : 0)) / count;
    const text =
      job.state === "queued"
        ? placeOf(job)
        : total
          ? [
              say("progress.steps", { step, total }),
              count > 1 && say("progress.pictures", { number: Math.min(done + 1, count), count }),
              left !== null && say("progress.left", { seconds: Math.max(1, Math.ceil(left)) }),
            ]
              .filter(Boolean)
              .join(" · ")
          : say("progress.begins");
    if (!state.querySelector("progress")) {
      state.replaceChildren(
        make("progress", { max: 1, wordLabel: "progress.title" }),
        make(
          "div",
          { class: "row" },
          make("p", { class: "told" }),
          make("button", {
            type: "button",
            class: "small",
            word: "job.cancel",
            onclick: () => cancelJob(job.id).catch((error) => emit("error", error)),
          }),
        ),
      );
    }
    const bar = state.querySelector("progress");
    if (!total) bar.removeAttribute("value");
    else bar.value = share;
    state.querySelector(".told").textContent = text;
    if (Math.floor(share * 2) > told && share < 1) {
      told = Math.floor(share * 2);
      announce(say("progress.share", { percent: Math.round(share * 100) }));
    }
  }

  show();
}

const present = (values = {}) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));

/** 「次に描きます」, 「あと 2 件」. */
export const placeOf = (job) => (job.position ? say("job.place", { ahead: job.position }) : say("job.next"));
