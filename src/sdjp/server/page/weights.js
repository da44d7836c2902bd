/* Weights in a prompt: （語：1.1） and (word:1.1), as docs/ja/prompts.md has them. Only text here, no page. */

const OPEN = "(（";
const CLOSE = ")）";
const NUMBER = "[0-9０-９]+(?:[.．][0-9０-９]+)?";
const WEIGHT_AND_CLOSE = new RegExp(`^\\s*(?:([:：]\\s*)(${NUMBER})\\s*)?[)）]`);
const WEIGHT_AT_END = new RegExp(`[:：]\\s*${NUMBER}\\s*$`);
const JAPANESE = /[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]/;
const BARE = 1.1; // the weight of brackets without a number
const MAXIMUM = 10;

/** Add `by` to the weight of what is selected, or of the word or brackets the caret is in.
 *
 * @returns {start, end, text, selected: [from, to]}: `text` goes where start to end is, and then from to `to` is to
 *   be selected; null if there is nothing to weigh there.
 */
export function reweigh(prompt, from, to, by) {
  const range = wanted(prompt, from, to);
  if (range === null) return null;
  const [start, end] = range;
  const word = prompt.slice(start, end);
  const after = prompt.slice(end).match(WEIGHT_AND_CLOSE);
  if (after && isBracket(prompt, start - 1, OPEN)) {
    const [whole, colon, number] = after;
    const weight = changed(number === undefined ? BARE : Number(narrow(number)), by);
    const outer = { start: start - 1, end: end + whole.length };
    if (weight === 1) return { ...outer, text: word, selected: [start - 1, end - 1] };
    const open = prompt[start - 1];
    const middle = colon ?? (open === "（" ? "：" : ":");
    const told = number !== undefined && /[０-９]/.test(number) ? widen(written(weight)) : written(weight);
    return { ...outer, text: open + word + middle + told + whole.at(-1), selected: [start, end] };
  }
  const weight = changed(1, by);
  const [open, middle, close] = JAPANESE.test(word) ? "（：）" : "(:)";
  return { start, end, text: open + word + middle + written(weight) + close, selected: [start + 1, end + 1] };
}

/** The stretch to weigh, without blanks at its ends, brackets around it, and a weight in them. */
function wanted(prompt, from, to) {
  let [start, end] = from === to ? around(prompt, from) : [from, to];
  [start, end] = trimmed(prompt, start, end);
  if (isBracket(prompt, start, OPEN) && closing(prompt, start) === end - 1) {
    [start, end] = [start + 1, end - 1];
    end -= prompt.slice(start, end).match(WEIGHT_AT_END)?.[0].length ?? 0;
    [start, end] = trimmed(prompt, start, end);
  }
  return start < end && isBalanced(prompt, start, end) ? [start, end] : null;
}

function trimmed(prompt, start, end) {
  while (start < end && /[\s、。,]/.test(prompt[start])) start += 1;
  while (end > start && /[\s、。,]/.test(prompt[end - 1])) end -= 1;
  return [start, end];
}

/** The innermost brackets around the caret, or else the word it is in or behind. */
function around(prompt, caret) {
  for (let start = caret - 1; start >= 0; start -= 1) {
    if (!isBracket(prompt, start, OPEN)) continue;
    const end = closing(prompt, start);
    if (end !== null && end >= caret) return [start, end + 1];
  }
  const words = [...new Intl.Segmenter("ja", { granularity: "word" }).segment(prompt)];
  const at = (place) =>
    words.find((word) => word.isWordLike && word.index <= place && place < word.index + word.segment.length);
  const word = at(caret) ?? at(caret - 1);
  return word ? [word.index, word.index + word.segment.length] : [caret, caret];
}

/** The place of the bracket that closes the one at `start`; null if none does. */
function closing(prompt, start) {
  let depth = 0;
  for (let place = start; place < prompt.length; place += 1) {
    if (isBracket(prompt, place, OPEN)) depth += 1;
    if (isBracket(prompt, place, CLOSE) && --depth === 0) return place;
  }
  return null;
}

function isBalanced(prompt, start, end) {
  let depth = 0;
  for (let place = start; place < end; place += 1) {
    if (isBracket(prompt, place, OPEN)) depth += 1;
    if (isBracket(prompt, place, CLOSE) && --depth < 0) return false;
  }
  return depth === 0;
}

/** A bracket behind a backslash (on Japanese keyboards a yen sign) is a character, no bracket. */
function isBracket(prompt, place, kinds) {
  return (
    place >= 0 &&
    place < prompt.length &&
    kinds.includes(prompt[place]) &&
    !"\\＼¥￥".includes(prompt[place - 1] ?? " ")
  );
}

const changed = (weight, by) => Math.min(MAXIMUM, Math.max(0, Math.round((weight + by) * 100) / 100));
/** At least one decimal: （比率：2） is a ratio, （比率：2.0） a weight. */
const written = (weight) => (Number.isInteger(weight) ? weight.toFixed(1) : String(weight));
const narrow = (text) => text.normalize("NFKC");
const widen = (text) => text.replace(/[0-9.]/g, (sign) => String.fromCharCode(sign.charCodeAt(0) + 0xfee0));
