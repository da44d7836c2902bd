/* Settings out of a job or out of the record in a picture file. */

import { capabilities, schemaOf } from "./capabilities.js";
import { settings } from "./state.js";

const NOT_OPTIONS = new Set(["task", "model", "factor", "image", "mask", "image_prompt", "controls"]);

/** Put options into the form, and tell what could not be taken over.
 *
 * @param {object} options By the names of the options table.
 * @param {{model?: string | null}} more
 * @returns {{ja: string, en: string}[]} Notes.
 */
export function takeOver(options, { model = null } = {}) {
  const notes = [];
  const { models } = capabilities();
  const here = models.find((entry) => entry.name === model && !entry.problem);
  if (model && !here) {
    notes.push({
      ja: `この絵を描いたモデル「${model}」はここにありません。いま選んでいるモデルで描きます。`,
      en: `The model that drew it, "${model}", is not here. The one that is chosen now will draw.`,
    });
  }
  const wanted = here ? here.name : settings.get("model");
  settings.set({ model: wanted }); // defaults are those of the model
  const values = { model: wanted };
  for (const [name, value] of Object.entries(options)) {
    if (NOT_OPTIONS.has(name) || value === null || value === undefined) continue;
    const rule = schemaOf(name);
    if (rule === null) {
      notes.push({
        ja: `設定 ${name} は、このサーバーにはありません。`,
        en: `This server has no setting ${name}.`,
      });
    } else if (JSON.stringify(value) !== JSON.stringify(rule.default)) values[name] = value;
  }
  settings.replace(values);
  return notes;
}

/** The options of one picture of a job: its own prompt and seed, and one picture.
 *
 * @param {object} job As the server gives it.
 * @param {object} picture One of its pictures.
 */
export function optionsOf(job, picture) {
  const { negative_prompt: negative, num_images_per_prompt: each } = job.options;
  return {
    ...job.options,
    prompt: picture.prompt,
    negative_prompt: Array.isArray(negative) ? negative[Math.floor(picture.index / each)] : negative,
    seed: picture.seed,
    num_images_per_prompt: 1,
  };
}

/** The body that draws one picture of a job again, pixel for pixel. */
export function bodyOf(job, picture) {
  return { ...optionsOf(job, picture), ...job.given };
}
