/* The jobs that wait. */

import { make } from "./elements.js";
import { cancelJob, goingOn } from "./jobs.js";
import { say } from "./language.js";
import { placeOf } from "./result.js";
import { emit, on } from "./state.js";

export function mountQueue(root) {
  const list = make("ol", { class: "queue", wordLabel: "queue.title" });
  root.append(list);

  function show() {
    const waiting = goingOn().slice(1);
    root.hidden = waiting.length === 0;
    list.replaceChildren(...waiting.map(line));
  }

  function line(job) {
    const prompt = [job.options.prompt].flat()[0] || say("queue.upscale");
    return make(
      "li",
      {},
      make("span", { class: "prompt" }, prompt),
      make("span", { class: "help" }, placeOf(job)),
      make(
        "button",
        {
          type: "button",
          class: "small",
          "aria-label": say("queue.cancel", { prompt }),
          onclick: () => cancelJob(job.id).catch((error) => emit("error", error)),
        },
        say("job.cancel"),
      ),
    );
  }

  on("job", show);
  on("position", show);
  on("language", show);
  show();
}
