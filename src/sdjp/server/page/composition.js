/* Which keys belong to an input method that is converting kana to kanji. */

/** Return `(keydown) => boolean`: whether the key is the input method's.
 *
 * Chrome and Firefox say so by isComposing, or by keyCode 229 for the key that begins a composition. Safari ends
 * the composition before it tells of the very key that ended it (WebKit bug 165004): the first key after an end
 * is the input method's, too, unless a key was let go in between.
 */
export function watchComposition(field) {
  let ended = false;
  field.addEventListener("compositionstart", () => (ended = false));
  field.addEventListener("compositionend", () => (ended = true));
  field.addEventListener("keyup", () => (ended = false));
  field.addEventListener("pointerdown", () => (ended = false));
  return (event) => {
    const endedBySame = ended;
    ended = false;
    return event.isComposing || event.keyCode === 229 || endedBySame;
  };
}
