/* How a mask looks over its picture: stripes that no picture has, and a ring where the brush is. */

const STRIPE = 6; // CSS pixels
const COLORS = [
  [255, 0, 144, 190],
  [255, 255, 255, 140],
]; // red, green, blue, alpha

export class MaskView {
  #ring = null;
  #radius = 0;
  #asked = false;

  /**
   * @param {HTMLCanvasElement} canvas Lies over the picture, of the same shape.
   * @param {MaskLayer} layer
   */
  constructor(canvas, layer) {
    this.canvas = canvas;
    this.layer = layer;
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(canvas);
  }

  stop() {
    this.observer.disconnect();
  }

  /** Show the brush at a place of the picture; null leaves it where it is. */
  ring(at, radius) {
    this.#ring = at ?? this.#ring;
    this.#radius = radius;
    this.draw();
  }

  /** Show what is painted now. */
  draw() {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.#paint();
    });
  }

  #paint() {
    const { canvas, layer } = this;
    const ratio = devicePixelRatio;
    const width = Math.round(canvas.clientWidth * ratio);
    const height = Math.round(canvas.clientHeight * ratio);
    if (!width || !height) return;
    Object.assign(canvas, { width, height });
    const pen = canvas.getContext("2d");
    pen.drawImage(layer.canvas, 0, 0, width, height);
    pen.globalCompositeOperation = "source-in";
    pen.fillStyle = pen.createPattern(stripes(Math.round(STRIPE * ratio)), "repeat");
    pen.fillRect(0, 0, width, height);
    pen.globalCompositeOperation = "source-over";
    if (this.#ring) this.#paintRing(pen, width / layer.canvas.width, ratio);
  }

  #paintRing(pen, scale, ratio) {
    for (const [color, line] of [
      ["#000", 3 * ratio],
      ["#fff", 1.5 * ratio],
    ]) {
      pen.strokeStyle = color;
      pen.lineWidth = line;
      pen.beginPath();
      pen.arc(this.#ring.x * scale, this.#ring.y * scale, Math.max(this.#radius * scale, 2), 0, 2 * Math.PI);
      pen.stroke();
    }
  }
}

/** Slanting stripes that go on from one tile to the next. */
function stripes(width) {
  const side = 2 * width;
  const tile = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const pen = tile.getContext("2d");
  const pixels = pen.createImageData(side, side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++)
      pixels.data.set(COLORS[(x + y) % side < width ? 0 : 1], 4 * (y * side + x));
  }
  pen.putImageData(pixels, 0, 0);
  return tile;
}
