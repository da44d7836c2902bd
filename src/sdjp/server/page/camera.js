/* A photo from the camera, where the browser has one. */

import { button } from "./dom.js";
import { make } from "./elements.js";

export const hasCamera = () => Boolean(navigator.mediaDevices?.getUserMedia);

/** Show what the camera sees until a photo is taken.
 *
 * @returns {Promise<Blob | null>} Null if there was none after all.
 * @throws {DOMException} If there is no camera, or it may not be used.
 */
export async function takePhoto() {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  const video = make("video", { autoplay: true, playsinline: true, muted: true, wordLabel: "camera.view" });
  video.srcObject = stream;
  try {
    return await new Promise((resolve) => {
      let photo = null;
      const shoot = button("camera.shoot", async () => {
        const canvas = Object.assign(document.createElement("canvas"), {
          width: video.videoWidth,
          height: video.videoHeight,
        });
        canvas.getContext("2d").drawImage(video, 0, 0);
        photo = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.95));
        dialog.close();
      });
      shoot.disabled = true;
      video.addEventListener("loadeddata", () => (shoot.disabled = false));
      const dialog = make(
        "dialog",
        { class: "camera", "aria-labelledby": "camera-title" },
        make("h2", { id: "camera-title", word: "camera.title" }),
        video,
        make(
          "div",
          { class: "deeds" },
          shoot,
          button("camera.cancel", () => dialog.close(), { class: "small" }),
        ),
      );
      dialog.addEventListener("close", () => {
        dialog.remove();
        resolve(photo);
      });
      document.body.append(dialog);
      dialog.showModal();
    });
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}
