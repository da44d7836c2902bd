/* The finished pictures, newest first: the gallery shows them, the viewer goes through them. */

import { api } from "./api.js";
import { emit, on } from "./state.js";

const KEY = "sdjp.gallery";
const PAGE = 30;

let items = [];
let next = null;
let asked = 0; // answers to older questions come too late
let query = read();

const keyOf = ({ job, index }) => `${job}/${index}`;

function read() {
  try {
    const { q, starred } = JSON.parse(localStorage.getItem(KEY));
    return { q: String(q ?? ""), starred: Boolean(starred) };
  } catch {
    return { q: "", starred: false };
  }
}

function changed() {
  emit("pictures", items);
}

export const pictures = {
  keyOf,
  all: () => items,
  query: () => ({ ...query }),
  hasMore: () => next !== null,

  find: (picture) => items.findIndex((one) => keyOf(one) === keyOf(picture)),

  /** Look for others: {q, starred}. What is looked for is kept over a reload. */
  async search(wanted) {
    query = { ...query, ...wanted };
    try {
      localStorage.setItem(KEY, JSON.stringify(query));
    } catch {
      // It holds until the page is left.
    }
    await this.refresh({ count: PAGE });
  },

  /** Read the list again, as far as it was read. */
  async refresh({ count = Math.max(items.length, PAGE) } = {}) {
    const turn = ++asked;
    const answer = await api.pictures({ q: query.q, starred: query.starred ? 1 : null, limit: count });
    if (turn !== asked) return;
    items = answer.pictures;
    next = answer.next;
    changed();
  },

  /** Read the next ones. */
  async more() {
    if (next === null) return;
    const turn = ++asked;
    const answer = await api.pictures({
      q: query.q,
      starred: query.starred ? 1 : null,
      before: next,
      limit: PAGE,
    });
    if (turn !== asked) return;
    const known = new Set(items.map(keyOf));
    items = [...items, ...answer.pictures.filter((picture) => !known.has(keyOf(picture)))];
    next = answer.next;
    changed();
  },

  async star(picture, starred) {
    await api.star(picture, starred);
    emit("changed", { ...picture, starred });
  },

  async remove(picture) {
    await api.removePicture(picture);
    emit("removed", { job: picture.job, index: picture.index });
  },
};

function add(picture) {
  if (pictures.find(picture) >= 0) return;
  // The server knows how to search: it is asked whether the new one fits.
  if (query.q || query.starred) pictures.refresh().catch(() => {});
  else {
    items = [picture, ...items];
    changed();
  }
}

on("picture", add);
on("job", (job) => {
  const missing = job.pictures.some(({ index, gone }) => !gone && pictures.find({ job: job.id, index }) < 0);
  if (job.state === "done" && missing) pictures.refresh().catch(() => {}); // some were finished unheard
});
on("changed", (picture) => {
  items = items.map((one) => (keyOf(one) === keyOf(picture) ? { ...one, starred: picture.starred } : one));
  changed();
});
on("removed", (picture) => {
  items = items.filter((one) => keyOf(one) !== keyOf(picture));
  changed();
});
