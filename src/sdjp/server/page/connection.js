/* Whether the server answers: said when it does not, and asked until it does. */

import { api } from "./api.js";
import { emit, on } from "./state.js";
import { say } from "./language.js";

const PAUSE = 2000; // ms between two questions
const TOLD = 3000; // ms that the good news stays

export function mountConnection(banner) {
  let there = true;
  let hiding = null;

  function show() {
    banner.textContent = say(there ? "connection.back" : "connection.lost");
    banner.classList.toggle("warn", !there);
    banner.hidden = false;
  }

  async function ask() {
    await api.get("healthz").catch(() => {}); // api.js tells what came of it
    if (!there) setTimeout(ask, PAUSE);
  }

  on("reached", (now) => {
    if (now === there) return;
    there = now;
    clearTimeout(hiding);
    show();
    if (there) hiding = setTimeout(() => (banner.hidden = true), TOLD);
    else setTimeout(ask, PAUSE);
    emit("connection", there);
  });
  on("language", () => banner.hidden || show());
}

/** Resolves as soon as the server answers again. */
export const untilBack = () =>
  new Promise((resolve) => {
    const stop = on("connection", (there) => {
      if (!there) return;
      stop();
      resolve();
    });
  });
