/* One's own jobs that go on, also those that another tab, or this one before a reload, asked for.
 *
 * A browser opens few connections to one server, and a stream holds one for good: only the foremost job is
 * followed by its events, the others are asked for now and then. A tab that nobody sees does neither.
 */

import { api } from "./api.js";
import { follow } from "./events.js";
import { emit, on } from "./state.js";

export const GOES_ON = ["queued", "drawing"];
const PAUSE = 2000; // ms between two looks at those that wait
const jobs = new Map(); // id -> job, those that go on
const told = new Map(); // id -> indices of its pictures that were told of
const others = new BroadcastChannel("sdjp.jobs");
let followed = null; // {id, close}
let timer = null;
let looking = false;

/** Those that go on, the foremost first. */
export const goingOn = () => [...jobs.values()].sort((a, b) => rank(a) - rank(b) || a.created - b.created);
const rank = (job) => (job.state === "drawing" ? -1 : (job.position ?? Infinity));

/** Take a job that has just been made here. */
export function addJob(job) {
  take(job);
  others.postMessage(job.id);
}

export async function cancelJob(id) {
  take(await api.cancel(id));
  others.postMessage(id);
}

/** Find what goes on, and what was drawn last. */
export async function mountJobs() {
  others.addEventListener("message", look);
  on("connection", (there) => there && look());
  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : look()));
  const { jobs: last } = await api.jobs({ state: "done", limit: 1 });
  for (const job of last) {
    told.set(job.id, new Set(job.pictures.map((picture) => picture.index)));
    emit("job", job);
  }
  await look();
}

async function look() {
  if (looking || document.hidden) return;
  looking = true;
  let failed = false;
  try {
    const { jobs: found } = await api.jobs({ state: GOES_ON.join(","), limit: 200 });
    const gone = [...jobs.keys()].filter((id) => !found.some((job) => job.id === id));
    for (const job of found.reverse()) take(job);
    for (const id of gone) take(await api.job(id).catch((error) => missing(id, error)));
  } catch {
    failed = true; // connection.js says so, if nothing answers
  } finally {
    looking = false;
    plan();
    if (failed) timer = setTimeout(look, PAUSE);
  }
}

/** A job that is no more, because it was deleted elsewhere; other errors go on. */
function missing(id, error) {
  if (error.status !== 404 && error.status !== 410) throw error;
  return { ...jobs.get(id), state: "cancelled", pictures: [] };
}

function take(job) {
  if (GOES_ON.includes(job.state)) jobs.set(job.id, job);
  else jobs.delete(job.id);
  for (const picture of job.pictures) tell(job.id, picture);
  emit("job", job);
  plan();
}

function tell(id, picture) {
  if (!told.has(id)) told.set(id, new Set());
  if (told.get(id).has(picture.index)) return;
  told.get(id).add(picture.index);
  emit("picture", { ...picture, job: id });
}

/** Follow the foremost, and look at the others in a while. */
function plan() {
  if (document.hidden) return;
  const foremost = goingOn()[0];
  if (followed?.id !== foremost?.id) {
    followed?.close();
    followed = foremost ? { id: foremost.id, ...follow(foremost.id, listen(foremost.id)) } : null;
  }
  clearTimeout(timer);
  if (jobs.size > 1) timer = setTimeout(look, PAUSE);
}

function rest() {
  followed?.close();
  followed = null;
  clearTimeout(timer);
}

function listen(id) {
  return {
    heard(kind, data) {
      const job = jobs.get(id);
      if (kind === "job") take(data);
      else if (!job) return;
      else if (kind === "picture") {
        job.pictures = [...job.pictures.filter((picture) => picture.index !== data.index), data];
        tell(id, data);
      } else if (kind === "preview") emit("preview", { job: id, ...data });
      else {
        if (kind === "progress") job.progress = data;
        else job.position = data.position;
        emit(kind, job);
      }
    },
    ended() {
      followed = null;
      clearTimeout(timer);
      timer = setTimeout(look, PAUSE);
    },
  };
}
