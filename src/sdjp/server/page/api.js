/* The server's routes. Every call gives parsed JSON or throws ApiError. */

import { language, say } from "./language.js";
import { emit } from "./state.js";

/** What the server, or the way to it, said: `code` begins with the name of the option concerned. */
export class ApiError extends Error {
  constructor({ code, ja, en, status = 0, retryAfter = null }) {
    super(); // with a text it would have a message of its own, in one language
    Object.assign(this, { code, ja, en, status, retryAfter });
  }

  get message() {
    return language() === "en" ? this.en : this.ja;
  }
}

/** The address of a path of the API, also behind a proxy that serves the page from a folder. */
function url(path) {
  return new URL(path.replace(/^\//, ""), document.baseURI).href;
}

async function call(method, path, { body, type = "application/json", headers = {} } = {}) {
  const sent = { "Accept-Language": language(), ...headers };
  if (body !== undefined) sent["Content-Type"] = type;
  let answer;
  try {
    answer = await fetch(url(path), { method, headers: sent, body, credentials: "same-origin" });
  } catch {
    emit("reached", false);
    throw new ApiError({
      code: "connection",
      ja: say("connection.lost", {}, "ja"),
      en: say("connection.lost", {}, "en"),
    });
  }
  emit("reached", true);
  if (answer.status === 204) return null;
  const data = await answer.json().catch(() => null);
  if (answer.ok) return data;
  throw new ApiError({
    code: data?.error?.code ?? `http.${answer.status}`,
    ja: data?.error?.ja ?? data?.error?.message ?? say("error.http", { status: answer.status }, "ja"),
    en: data?.error?.en ?? data?.error?.message ?? say("error.http", { status: answer.status }, "en"),
    status: answer.status,
    retryAfter: Number(answer.headers.get("Retry-After")) || null,
  });
}

const get = (path, query = {}) => {
  const given = Object.entries(query).filter(
    ([, value]) => value !== null && value !== undefined && value !== "",
  );
  return call("GET", given.length ? `${path}?${new URLSearchParams(given)}` : path);
};
const post = (path, body, headers) => call("POST", path, { body: JSON.stringify(body ?? {}), headers });
const patch = (path, body) => call("PATCH", path, { body: JSON.stringify(body) });
const remove = (path) => call("DELETE", path);

export const api = {
  url,
  get,
  post,
  patch,
  remove,
  capabilities: () => get("v1/capabilities"),
  explain: (body) => post("v1/explain", body),
  /** The same key gives the same job: a request that is sent again draws nothing twice. */
  draw: (body, key) => post("v1/jobs", body, { "Idempotency-Key": key }),
  jobs: (query) => get("v1/jobs", query),
  job: (id) => get(`v1/jobs/${id}`),
  cancel: (id) => post(`v1/jobs/${id}/cancel`),
  removeJob: (id) => remove(`v1/jobs/${id}`),
  /** Finished pictures, newest first: {q, starred, before, limit} -> {pictures, next}. */
  pictures: (query) => get("v1/pictures", query),
  pictureUrl: (picture, { download = false } = {}) =>
    url(`v1/jobs/${picture.job}/pictures/${picture.index}${download ? "?download=1" : ""}`),
  star: (picture, starred) => patch(`v1/jobs/${picture.job}/pictures/${picture.index}`, { starred }),
  removePicture: (picture) => remove(`v1/jobs/${picture.job}/pictures/${picture.index}`),
  attention: (picture) => get(`v1/jobs/${picture.job}/pictures/${picture.index}/attention`),
  /** The record in a picture file (a Blob): {options, model, notes, source}. */
  record: (file) => call("POST", "v1/record", { body: file, type: file.type || "image/png" }),
};
