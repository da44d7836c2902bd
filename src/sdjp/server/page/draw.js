/* Asking for jobs: of the form, or of a picture that is there already. */

import { api } from "./api.js";
import { untilBack } from "./connection.js";
import { follow } from "./events.js";
import { addJob, GOES_ON } from "./jobs.js";

/** Ask for a job, again if the answer is lost on its way: by its key the server knows that it is the same. */
export async function send(body) {
  const key = newKey();
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

/** Begin a job that the page shows as one of the form. */
export async function draw(body) {
  const job = await send(body);
  addJob(job);
  return job;
}

/** Begin a job that the page does not show, and wait for its end.
 *
 * @param {(job) => void} call Hears the job as it goes on.
 * @param {AbortSignal} signal Cancels it.
 */
export async function drawAside(body, call, signal) {
  let job = await send(body);
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
