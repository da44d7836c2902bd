/* A few large things that are kept over a reload, in this browser alone. */

const NAME = "sdjp";
const STORE = "kept";

function request(call) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(NAME, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      const asked = call(database.transaction(STORE, "readwrite").objectStore(STORE));
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
      asked.transaction.oncomplete = asked.transaction.onabort = () => database.close();
    };
  });
}

/** What was kept under a name; undefined if nothing was, or if this browser keeps nothing. */
export const kept = (name) => request((store) => store.get(name)).catch(() => undefined);

/** Keep a value (Blobs too) until it is replaced; null forgets it. */
export const keep = (name, value) =>
  request((store) => (value === null ? store.delete(name) : store.put(value, name))).catch(() => undefined);
