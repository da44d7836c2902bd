/* Painting a mask with mouse, finger and pen, and with keys. */

const STEP = 0.5; // of the brush's radius, for each press of an arrow
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Paint where a pointer is pressed. Two fingers enlarge the page as ever: then what the first began is dropped.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {{layer, view, radius: () => number, erase: () => boolean, changed: () => void}} tools
 */
export function paintWithPointer(canvas, { layer, view, radius, erase, changed }) {
  let painting = null;
  const place = ({ clientX, clientY }) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return {
      x: ((clientX - left) * layer.canvas.width) / width,
      y: ((clientY - top) * layer.canvas.height) / height,
    };
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (painting !== null) {
      painting = null;
      layer.drop();
      view.draw();
      return;
    }
    if (!event.isPrimary || event.button !== 0) return;
    painting = event.pointerId;
    canvas.setPointerCapture(painting);
    const rubber = event.pointerType === "pen" && (event.buttons & 32) !== 0; // the other end of the pen
    layer.begin(place(event), { radius: radius(), erase: rubber || erase() });
    view.ring(place(event), radius());
  });
  canvas.addEventListener("pointermove", (event) => {
    if (painting === event.pointerId) {
      const events = event.getCoalescedEvents?.() ?? [];
      for (const one of events.length ? events : [event]) layer.extend(place(one));
    }
    if (painting === event.pointerId || event.pointerType === "mouse") view.ring(place(event), radius());
  });
  canvas.addEventListener("pointerup", (event) => {
    if (painting !== event.pointerId) return;
    painting = null;
    layer.end();
    changed();
  });
  canvas.addEventListener("pointercancel", (event) => {
    if (painting !== event.pointerId) return;
    painting = null;
    layer.drop();
    view.draw();
  });
}

/** Paint with keys: arrows move, space lets the brush down and lifts it, e swaps brush and eraser, [ and ] size it.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {object} tools As above, and `setErase`, `resize(by)`, `tell(place)`.
 */
export function paintWithKeys(canvas, { layer, view, radius, erase, setErase, resize, changed, tell }) {
  const { width, height } = layer.canvas;
  const at = { x: width / 2, y: height / 2 };
  let down = false;
  const lift = () => {
    if (!down) return;
    down = false;
    layer.end();
    changed();
  };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const move = MOVES[event.key];
    if (move) {
      const by = event.shiftKey ? 1 : Math.max(1, STEP * radius());
      at.x = Math.min(width - 1, Math.max(0, at.x + by * move[0]));
      at.y = Math.min(height - 1, Math.max(0, at.y + by * move[1]));
      if (down) layer.extend({ ...at });
    } else if (event.key === " ") {
      if (down) lift();
      else {
        down = true;
        layer.begin({ ...at }, { radius: radius(), erase: erase() });
      }
    } else if (event.key === "e" && !down) setErase(!erase());
    else if (event.key === "[" || event.key === "]") resize(event.key === "[" ? -1 : 1);
    else return;
    event.preventDefault();
    view.ring(at, radius());
    tell(at);
  });
  canvas.addEventListener("blur", lift);
}
