/* The body of POST /v1/jobs from what the form says. */

import { capabilities } from "./capabilities.js";
import { inputs, settings } from "./state.js";

/** Options at their default stay out; an edited English is the prompt, as it is. */
export function bodyOfForm() {
  const { english = null, ...given } = settings.all();
  const known = capabilities().schema.properties;
  const body = Object.fromEntries(
    Object.entries({ ...given, ...inputs.all() }).filter(([name]) => name in known),
  );
  if (english !== null) Object.assign(body, { prompt: english, translate: "never" });
  return { prompt: "", ...body };
}
