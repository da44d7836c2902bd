/* Puts the page together.
 *
 * Every part is a module with `mount(root)`; it gets its element of index.html from here, fills it, and does not
 * know the other parts. What they share:
 *
 * api.js           `api.get/post/patch/remove(path, body)` and the routes by name; errors are ApiError {code, ja, en}
 *                  with `message` in the page's language. `api.url(path)` is the address for src and href.
 * capabilities.js  `capabilities()` (what the server can do), `model()` (the entry of the model in use),
 *                  `schemaOf(name)` (the rule of an option: type, minimum, maximum, default, choices, help).
 * state.js         `settings`: the options that are not at their default, by their names in the options table; kept
 *                  over a reload. `inputs`: pictures that go along (image, mask, image_prompt, controls, task,
 *                  factor …); not kept. Both have get(name), set({name: value}) (null or undefined unsets),
 *                  replace({…}), all(). `on(event, call)` and `emit(event, data)`.
 * language.js      `say(key, values)`; elements with data-word, data-word-label, data-word-placeholder,
 *                  data-word-title are written anew when the language changes. All texts are in words.js.
 * elements.js      `make(tag, attributes, …children)` makes an element; `announce(text)` reads a text out.
 * fields.js        `field(name)`: the labelled control of an option, made from its schema, bound to `settings`.
 * errors.js        an error goes to the element whose data-answers has the longest name its code begins with.
 *
 * Events:
 *   language      language                the language changed
 *   capabilities  capabilities            they were read (again), or another model came in use (settings.model)
 *   settings      [names]                 settings changed, by whomever
 *   inputs        [names]                 inputs changed
 *   draw                                  wish: draw what settings and inputs say
 *   job           job                     a job of one's own is new or has changed its state
 *   picture       picture + {job: id}     a picture is finished
 *   changed       picture + {job: id}     a picture was starred
 *   removed       {job: id, index}        a picture was deleted
 *   view          picture + {job: id}     wish: see it large (viewer)
 *   connection    true | false            the server answers again | does not
 *   progress, position   job               its progress or its place in the queue changed
 *   preview       {job: id, index, image} a sketch of the picture so far, as a data URI
 *   pictures      [pictures]              the list of the gallery changed
 *   source        picture + {job: id}     wish: draw from it
 *   error         ApiError                shown beside the field that its code names
 */

import { loadCapabilities } from "./capabilities.js";
import { mountConnection, untilBack } from "./connection.js";
import { mountDrawing } from "./drawing.js";
import { mountGallery } from "./gallery.js";
import { mountJobs } from "./jobs.js";
import { mountLanguage, say } from "./language.js";
import { mountModels } from "./models.js";
import { mountOptions } from "./options.js";
import { mountDrawKey, mountPrompt } from "./prompt.js";
import { mountQueue } from "./queue.js";
import { mountResult } from "./result.js";
import { mountSamples } from "./samples.js";
import { mountSource } from "./source.js";
import { askToken } from "./token.js";
import { mountViewer } from "./viewer.js";

const place = (id) => document.getElementById(id);

mountLanguage(place("language"));
mountConnection(place("connection"));
await firstAnswer();
mountPrompt(place("prompting"));
mountSamples(place("samples"));
mountOptions(place("options"));
mountDrawing(place("drawing"));
mountDrawKey(place("form"));
mountResult(place("shown"));
mountQueue(place("waiting"));
mountModels(place("models"));
mountSource(place("source"));
mountViewer(place("viewer"));
mountGallery(place("gallery"));
await mountJobs();
document.body.dataset.ready = "";

/** Nothing can be shown without the server's answer. One that does not answer yet is waited for. */
async function firstAnswer() {
  for (;;) {
    try {
      return await loadCapabilities();
    } catch (error) {
      if (error.code === "connection") await untilBack();
      else if (error.status === 401) await new Promise(() => askToken(error));
      else if (error.status === 503) await new Promise((resolve) => setTimeout(resolve, 1000));
      else {
        place("connection").textContent = say("error.start", { message: error.message });
        place("connection").hidden = false;
        throw error;
      }
    }
  }
}
