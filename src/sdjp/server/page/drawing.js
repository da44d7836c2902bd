/* The button that draws. */

import { send } from "./draw.js";
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
      const job = await send(bodyOfForm());
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

const isApple = () => /Mac|iPhone|iPad/.test(navigator.platform);
