/* The events of one job as they come. */

import { api } from "./api.js";
import { emit } from "./state.js";

const KINDS = ["job", "progress", "preview", "picture", "position"];

/** Follow a job until it is over or `close()` is called.
 *
 * The browser reconnects by itself and says where it was (Last-Event-ID). Where it gives up, `ended` is called.
 */
export function follow(id, { heard, ended }) {
  const source = new EventSource(api.url(`v1/jobs/${id}/events?previews=1`));
  for (const kind of KINDS) {
    source.addEventListener(kind, (event) => heard(kind, JSON.parse(event.data)));
  }
  source.addEventListener("open", () => emit("reached", true));
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) ended();
    else api.get("healthz").catch(() => {}); // whether the server is there at all
  });
  return { close: () => source.close() };
}
