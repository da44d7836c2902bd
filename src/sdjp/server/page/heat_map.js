/* Where in a picture a word drew: numbers as colours, and in words. */

const COLORS = [
  [24, 18, 66],
  [94, 26, 124],
  [190, 44, 96],
  [240, 122, 48],
  [252, 232, 120],
]; // from the least to the greatest, each lighter than the one before it, as in sdjp/images/heat.py

/**
 * @param {string} base64 One byte for each cell, row by row.
 * @returns {Uint8Array}
 */
export function readMap(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/**
 * Paints a map over the whole of a canvas, from the least of its values to the greatest.
 * @param {HTMLCanvasElement} canvas Has the size of the picture.
 * @param {Uint8Array} values
 * @param {{height: number, width: number}} size Of the map, in cells.
 */
export function paintHeat(canvas, values, { height, width }) {
  const cells = Object.assign(document.createElement("canvas"), { height, width });
  const least = Math.min(...values);
  const span = Math.max(...values) - least || 1;
  const greys = new ImageData(width, height);
  values.forEach((value, i) => {
    const grey = (255 * (value - least)) / span;
    greys.data.set([grey, grey, grey, 255], 4 * i);
  });
  cells.getContext("2d").putImageData(greys, 0, 0);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.imageSmoothingQuality = "high";
  pen.drawImage(cells, 0, 0, canvas.width, canvas.height);
  const pixels = pen.getImageData(0, 0, canvas.width, canvas.height);
  const colors = Array.from({ length: 256 }, (_, grey) => colorOf(grey / 255));
  for (let i = 0; i < pixels.data.length; i += 4) {
    const [red, green, blue] = colors[pixels.data[i]];
    pixels.data[i] = red;
    pixels.data[i + 1] = green;
    pixels.data[i + 2] = blue;
  }
  pen.putImageData(pixels, 0, 0);
}

function colorOf(value) {
  const place = value * (COLORS.length - 1);
  const below = Math.min(Math.floor(place), COLORS.length - 2);
  return COLORS[below].map((from, i) => Math.round(from + (place - below) * (COLORS[below + 1][i] - from)));
}

/**
 * The ninth of the picture that a map is strongest in, and its share of the whole.
 * @returns {{row: 0 | 1 | 2, column: 0 | 1 | 2, share: number}}
 */
export function strongestPlace(values, { height, width }) {
  const sums = Array.from({ length: 3 }, () => [0, 0, 0]);
  values.forEach((value, i) => {
    const row = Math.floor((3 * Math.floor(i / width)) / height);
    sums[row][Math.floor((3 * (i % width)) / width)] += value;
  });
  const all = sums.flat();
  const best = all.indexOf(Math.max(...all));
  const total = all.reduce((sum, value) => sum + value, 0) || 1;
  return { row: Math.floor(best / 3), column: best % 3, share: all[best] / total };
}
