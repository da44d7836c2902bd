/* What the form says, kept over a reload, and a small event bus. */

const KEY = "sdjp.settings";
const listeners = new Map();

/** Call `call(data)` whenever `event` is emitted. */
export function on(event, call) {
  if (!listeners.has(event)) listeners.set(event, new Set());
  listeners.get(event).add(call);
  return () => listeners.get(event).delete(call);
}

export function emit(event, data) {
  for (const call of listeners.get(event) ?? []) call(data);
}

/** Named values; whoever changes them, all who listen to `event` hear the names. */
class Store {
  #values = {};
  #event;
  #keep;

  constructor(event, { values = {}, keep = () => {} } = {}) {
    this.#event = event;
    this.#values = { ...values };
    this.#keep = keep;
  }

  get(name) {
    return this.#values[name] ?? null;
  }

  all() {
    return { ...this.#values };
  }

  /** Set these, leave the others; null and undefined unset. */
  set(values) {
    const changed = Object.keys(values).filter(
      (name) => JSON.stringify(values[name] ?? null) !== JSON.stringify(this.get(name)),
    );
    for (const name of changed) {
      if (values[name] === null || values[name] === undefined) delete this.#values[name];
      else this.#values[name] = values[name];
    }
    if (changed.length === 0) return;
    this.#keep(this.#values);
    emit(this.#event, changed);
  }

  /** Set these and unset all others. */
  replace(values) {
    const none = Object.fromEntries(Object.keys(this.#values).map((name) => [name, null]));
    this.set({ ...none, ...values });
  }
}

/** Settings out of the part of the address behind #, which no server and no log ever gets to see. */
function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (!given.has("prompt")) return null;
  const values = {};
  for (const [name, text] of given) {
    try {
      values[name] = JSON.parse(text);
    } catch {
      values[name] = text;
    }
  }
  if (typeof values.prompt !== "string") values.prompt = given.get("prompt");
  history.replaceState(null, "", location.pathname + location.search);
  return values;
}

function readKept() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY));
    return kept && typeof kept === "object" ? kept : {};
  } catch {
    return {};
  }
}

function keep(values) {
  try {
    localStorage.setItem(KEY, JSON.stringify(values));
  } catch {
    // A browser that keeps nothing can draw all the same.
  }
}

/** Options by their names in the options table, those at their default left out. */
export const settings = new Store("settings", { values: readAddress() ?? readKept(), keep });
/** Pictures and what belongs to them; too large to keep. */
export const inputs = new Store("inputs");

// An address of that kind opened in a tab that shows the page already.
addEventListener("hashchange", () => {
  const values = readAddress();
  if (values) settings.replace(values);
});

/** The address that gives these settings to another browser. */
export function addressOfSettings() {
  const given = Object.entries(settings.all()).map(([name, value]) => [
    name,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return `${location.origin}${location.pathname}#${new URLSearchParams(given)}`;
}
