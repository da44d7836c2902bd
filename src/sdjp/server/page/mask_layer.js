/* What is painted over a picture, in the picture's own pixels, with its way back. */

const WHITE = 0xffffffff; // as one number: alpha, blue, green, red
const BLACK = 0xff000000;

/** Strokes are kept, not pixels: undoing paints again all but the last one. */
export class MaskLayer {
  /**
   * @param {number} width Pixels of the picture.
   * @param {number} height
   */
  constructor(width, height) {
    this.canvas = Object.assign(document.createElement("canvas"), { width, height });
    this.done = [];
    this.undone = [];
    this.pen = this.canvas.getContext("2d", { willReadFrequently: true });
    this.pen.lineCap = this.pen.lineJoin = "round";
    this.pen.strokeStyle = this.pen.fillStyle = "#fff";
  }

  /**
   * Begins a stroke; `extend` goes on with it.
   * @param {{x: number, y: number}} at In pixels of the picture.
   * @param {{radius: number, erase: boolean}} brush
   */
  begin(at, { radius, erase }) {
    this.stroke = { kind: "stroke", radius, erase, points: [at] };
    this.#dab(this.stroke, at);
  }

  extend(to) {
    if (!this.stroke) return;
    const from = this.stroke.points.at(-1);
    this.stroke.points.push(to);
    this.#line(this.stroke, from, to);
  }

  /** Ends the stroke: from now on it can be undone. */
  end() {
    if (this.stroke) this.#keep(this.stroke);
    this.stroke = null;
  }

  /** Forgets the stroke that has begun, as if it had not. */
  drop() {
    if (!this.stroke) return;
    this.stroke = null;
    this.#repaint();
  }

  clear() {
    this.#do({ kind: "clear" });
  }

  invert() {
    this.#do({ kind: "invert" });
  }

  /** Lays a whole mask over all: white is painted. */
  paste(picture) {
    this.#do({ kind: "paste", picture });
  }

  undo() {
    if (!this.done.length) return;
    this.undone.push(this.done.pop());
    this.#repaint();
  }

  redo() {
    const action = this.undone.pop();
    if (!action) return;
    this.#apply(action);
    this.done.push(action);
  }

  /** Share of the picture that is painted, 0 to 1. */
  share() {
    const { numbers } = this.#pixels();
    let painted = 0;
    for (const number of numbers) painted += isPainted(number);
    return painted / numbers.length;
  }

  /** Whether a pixel is painted. */
  at({ x, y }) {
    const { data } = this.pen.getImageData(Math.floor(x), Math.floor(y), 1, 1);
    return data[3] >= 128;
  }

  /**
   * The mask as PNG: white where it is painted, black elsewhere, nothing between.
   * @returns {Promise<Blob>}
   */
  png() {
    const { width, height } = this.canvas;
    const { pixels, numbers } = this.#pixels();
    for (let i = 0; i < numbers.length; i++) numbers[i] = isPainted(numbers[i]) ? WHITE : BLACK;
    const out = Object.assign(document.createElement("canvas"), { width, height });
    out.getContext("2d").putImageData(pixels, 0, 0);
    return new Promise((resolve) => out.toBlob(resolve, "image/png"));
  }

  #do(action) {
    this.#apply(action);
    this.#keep(action);
  }

  #keep(action) {
    this.done.push(action);
    this.undone = [];
  }

  #repaint() {
    this.#wipe();
    for (const action of this.done) this.#apply(action);
  }

  #apply(action) {
    const { width, height } = this.canvas;
    if (action.kind === "clear") this.#wipe();
    else if (action.kind === "invert") {
      this.pen.globalCompositeOperation = "xor";
      this.pen.fillRect(0, 0, width, height);
      this.pen.globalCompositeOperation = "source-over";
    } else if (action.kind === "paste") this.#lay(action.picture);
    else {
      this.#dab(action, action.points[0]);
      action.points.slice(1).forEach((to, i) => this.#line(action, action.points[i], to));
    }
  }

  #lay(picture) {
    const { width, height } = this.canvas;
    this.#wipe();
    this.pen.drawImage(picture, 0, 0, width, height);
    const { pixels, numbers } = this.#pixels();
    for (let i = 0; i < numbers.length; i++) {
      numbers[i] = isPainted(numbers[i]) && (numbers[i] & 0xff) >= 128 ? WHITE : 0;
    }
    this.pen.putImageData(pixels, 0, 0);
  }

  #pixels() {
    const pixels = this.pen.getImageData(0, 0, this.canvas.width, this.canvas.height);
    return { pixels, numbers: new Uint32Array(pixels.data.buffer) };
  }

  #wipe() {
    this.pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  #dab({ radius, erase }, { x, y }) {
    this.#paint(erase, () => {
      this.pen.beginPath();
      this.pen.arc(x, y, radius, 0, 2 * Math.PI);
      this.pen.fill();
    });
  }

  #line({ radius, erase }, from, to) {
    this.#paint(erase, () => {
      this.pen.lineWidth = 2 * radius;
      this.pen.beginPath();
      this.pen.moveTo(from.x, from.y);
      this.pen.lineTo(to.x, to.y);
      this.pen.stroke();
    });
  }

  #paint(erase, draw) {
    this.pen.globalCompositeOperation = erase ? "destination-out" : "source-over";
    draw();
    this.pen.globalCompositeOperation = "source-over";
  }
}

function isPainted(number) {
  return number >>> 24 >= 128; // its alpha
}
