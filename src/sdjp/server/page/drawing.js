/* The button that draws. */

import { api } from "./api.js";
import { untilBack } from "./connection.js";
import { announce, make } from "./elements.js";
import { clearErrors, showError } from "./errors.js";
import { addJob } from "./jobs.js";
import { say } from "./language.js";
import { bodyOfForm } from "./request.js";
import { emit, on } from "./state.js";

export function mountDrawing(bar) {
  const failure = make("div", { class: "failure" });
  const button = make("button", { type: "button", id: "draw", class: "main", onclick: () => emit("draw") });
  const write = () => {
    button.replaceChildren(
      say("draw"),
      make("kbd", { "aria-hidden": "true" }, say(isApple() ? "draw.key.apple" : "draw.key")),
    );
  };
  write();
  on("language", write);
  bar.append(failure, button);

  on("draw", async () => {
    clearErrors();
    button.setAttribute("aria-busy", "true");
    try {
      const job = await send(bodyOfForm(), newKey());
      announce(say(job.position ? "job.waits" : "job.begins", { position: job.position }));
      addJob(job);
    } catch (error) {
      showError(error, failure);
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
  on("error", (error) => showError(error, failure));
}

/** Ask for the job, again if the answer is lost on its way: by its key the server knows that it is the same. */
async function send(body, key) {
  for (;;) {
    try {
      return await api.draw(body, key);
    } catch (error) {
      if (error.code !== "connection") throw error;
      await untilBack();
    }
  }
}

/** randomUUID is there only on https and loopback. */
const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );

const isApple = () => /Mac|iPhone|iPad/.test(navigator.platform);
