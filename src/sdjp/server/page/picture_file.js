/* A picture file from the user, made ready for the server. */

import { api } from "./api.js";
import { capabilities } from "./capabilities.js";
import { loadImage } from "./dom.js";

const SENT_AS_THEY_ARE = ["image/png", "image/jpeg", "image/webp"];
const BASE64 = 4 / 3; // bytes of a data URI for each byte of the file
const REST = 0.9; // share of a body that may be this picture

/** Read a file that should be a picture.
 *
 * @param {Blob} file
 * @returns {Promise<{file: Blob, width: number, height: number, shrunk: boolean}>} In a form and size that the server
 *   takes; upright, whatever a camera wrote.
 * @throws {Error} If the browser cannot read it.
 */
export async function readPicture(file) {
  const url = URL.createObjectURL(file);
  try {
    const image = await loadImage(url);
    const { naturalWidth: width, naturalHeight: height } = image;
    if (!width || !height) throw new Error("a picture without pixels");
    const { max_body: body, max_picture_pixels: pixels = Infinity } = capabilities().limits;
    const room = (REST * body) / BASE64;
    if (SENT_AS_THEY_ARE.includes(file.type) && file.size <= room && width * height <= pixels) {
      return { file, width, height, shrunk: false };
    }
    const scale = Math.min(1, Math.sqrt(Math.min(pixels, room / 4) / (width * height))); // 4 bytes a pixel fit anyhow
    const canvas = Object.assign(document.createElement("canvas"), {
      width: Math.max(1, Math.floor(width * scale)),
      height: Math.max(1, Math.floor(height * scale)),
    });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    const png = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    return { file: png, width: canvas.width, height: canvas.height, shrunk: scale < 1 };
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** The record in a file; null if it has none or cannot tell. */
export async function recordOf(file) {
  try {
    const record = await api.record(file);
    return record.source ? record : null;
  } catch (error) {
    if (error.code === "connection") throw error;
    return null; // a kind of picture that the server does not read is sent to it as PNG
  }
}

/** The picture files that were dropped or pasted. @param {DataTransfer} transfer */
export const picturesIn = (transfer) => [...transfer.files].filter(({ type }) => type.startsWith("image/"));
