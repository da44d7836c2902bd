/* Jobs that do not come from the form: variations, enlarging, drawing again. */

import { api } from "./api.js";
import { follow } from "./events.js";
import { addJob, GOES_ON } from "./jobs.js";

/** A key of one wish: sent twice, it is one job. */
const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Begin a job that the page shows as one of the form. */
export async function draw(body) {
  const job = await api.draw(body, newKey());
  addJob(job);
  return job;
}

/** Begin a job that the page does not show, and wait for its end.
 *
 * @param {(job) => void} call Hears the job as it goes on.
 * @param {AbortSignal} signal Cancels it.
 */
export async function drawAside(body, call, signal) {
  let job = await api.draw(body, newKey());
  call(job);
  return new Promise((resolve, reject) => {
    const change = (part) => {
      job = { ...job, ...part };
      call(job);
      if (!GOES_ON.includes(job.state)) finish(() => resolve(job));
    };
    const { close } = follow(job.id, {
      heard: (kind, data) => {
        if (kind === "job" || kind === "position") change(data);
        else if (kind === "progress") change({ progress: data });
      },
      ended: () => api.job(job.id).then(change, (error) => finish(() => reject(error))),
    });
    const stop = () => {
      api.cancel(job.id).catch(() => {});
      finish(() => reject(signal.reason));
    };
    const finish = (settle) => {
      signal.removeEventListener("abort", stop);
      close();
      settle();
    };
    signal.addEventListener("abort", stop);
  });
}
