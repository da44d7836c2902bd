/* Where the parts of a prompt stand in what was typed, and in the English. Only text here, no page. */

/** The stretch of each part in `typed`: [from, to] or null. Parts are normalized, what was typed is not. */
export function placesInTyped(typed, parts) {
  const { text, origin } = folded(typed);
  let from = 0;
  return parts.map((part) => {
    const wanted = folded(part.source).text;
    if (!wanted) return null;
    let at = text.indexOf(wanted, from);
    if (at < 0) at = text.indexOf(wanted);
    if (at < 0) return null;
    from = at + wanted.length;
    return [origin[at][0], origin[from - 1][1]];
  });
}

/** The text as parts have it: no blanks, one width. `origin` tells where each of its characters was. */
function folded(typed) {
  let text = "";
  const origin = [];
  let place = 0;
  for (const sign of typed) {
    for (const one of sign.normalize("NFKC").replace(/\s/g, "").toLowerCase()) {
      text += one;
      for (let unit = 0; unit < one.length; unit += 1) origin.push([place, place + sign.length]);
    }
    place += sign.length;
  }
  return { text, origin };
}

/** The stretch of each part in `english`: [from, to] or null. A word that another stands for is sought as that. */
export function placesInEnglish(english, parts, neighbours) {
  const taken = [];
  const free = ([from, to]) => taken.every(([a, b]) => to <= a || b <= from);
  // Long ones first, or "cat" would take the place of "cat ears".
  const places = new Array(parts.length).fill(null);
  const byLength = parts
    .map((part, index) => ({ part, index }))
    .sort((a, b) => b.part.english.length - a.part.english.length);
  for (const { part, index } of byLength) {
    for (const wanted of [part.english, replaced(part.english, neighbours)]) {
      const found = wanted ? stretches(english, wanted).find(free) : undefined;
      if (!found) continue;
      taken.push(found);
      places[index] = found;
      break;
    }
  }
  return places;
}

function replaced(english, neighbours) {
  return english.replace(/[\p{L}\p{N}'-]+/gu, (word) => neighbours[word] || word);
}

/** Every stretch of `text` that is `words`, with no letter directly before or behind it. */
function stretches(text, words) {
  const escaped = words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return [...text.matchAll(new RegExp(`(?<![\\p{L}\\p{N}])${escaped}(?![\\p{L}\\p{N}])`, "giu"))].map(
    (match) => [match.index, match.index + match[0].length],
  );
}

/** `text` cut at the ends of places: [{text, part}], `part` the index of a part or null. */
export function cut(text, places) {
  const pieces = [];
  let at = 0;
  const sorted = places.map((place, part) => ({ place, part })).filter(({ place }) => place);
  sorted.sort((a, b) => a.place[0] - b.place[0]);
  for (const { place, part } of sorted) {
    if (place[0] < at) continue;
    if (place[0] > at) pieces.push({ text: text.slice(at, place[0]), part: null });
    pieces.push({ text: text.slice(place[0], place[1]), part });
    at = place[1];
  }
  if (at < text.length) pieces.push({ text: text.slice(at), part: null });
  return pieces;
}
