/* The settings as an address, to keep or to give to somebody. */

import { announce, make } from "./elements.js";
import { say } from "./language.js";
import { addressOfSettings } from "./state.js";

const SHOWN = 2000; // ms

export function mountShare(root) {
  const button = make("button", { type: "button", class: "small quiet", word: "share", onclick: share });
  root.append(button);

  async function share() {
    const copied = await copy(addressOfSettings());
    const told = copied ? "share.done" : "share.failed";
    button.textContent = say(told);
    announce(say(told));
    setTimeout(() => (button.textContent = say("share")), SHOWN);
  }
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // The clipboard is there on https and loopback only. A text field can be copied from anywhere.
    const field = make("textarea", { class: "unseen", readonly: true });
    field.value = text;
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied;
  }
}
