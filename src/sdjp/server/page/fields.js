/* The labelled control of an option, made from its schema. */

/** Read `text` out, where nothing on the page shows it in words. */
export function announce(text) {
  document.getElementById("spoken").textContent = text;
}
