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
 * fields.js        `field(name)`: the labelled control of an option, made from its schema, bound to `settings`,
 *                  with a place for its error. `announce(text)` reads a text out.
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
 *   error         ApiError                shown beside the field that its code names
 */

import { loadCapabilities } from "./capabilities.js";
import { mountLanguage } from "./language.js";

mountLanguage(document.getElementById("language"));
await loadCapabilities();
