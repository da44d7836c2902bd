// npm's openai, unchanged: each thing it was given goes to standard output as one JSON object.
import OpenAI, { toFile } from "openai";

const baseURL = process.argv[2];
const client = new OpenAI({ baseURL, apiKey: "unused" });
const size = "64x64";
const fast = { num_inference_steps: 1 };

const drawn = await client.images.generate({ prompt: "赤い馬", model: "mini", size, seed: 7, ...fast });

const events = [];
const stream = await client.images.generate({
  prompt: "馬", model: "mini", size, stream: true, partial_images: 1, ...fast,
});
for await (const event of stream) events.push({ type: event.type, b64_json: event.b64_json });

const picture = Buffer.from(drawn.data[0].b64_json, "base64");
const edited = await client.images.edit({
  image: await toFile(picture, "horse.png", { type: "image/png" }),
  prompt: "青い馬", model: "gpt-image-1", size, strength: 0.5, ...fast,
});

const models = [];
for await (const model of client.models.list()) models.push(model.id);

const refused = await client.images
  .generate({ prompt: "馬", model: "mini", size: "100x100" })
  .catch((error) => ({
    name: error.constructor.name, status: error.status, code: error.code, param: error.param,
    message: error.message, id: error.requestID,
  }));

// The first answer is lost on its way; the client asks again by itself.
let sent = 0;
const forgetful = new OpenAI({
  baseURL,
  apiKey: "unused",
  fetch: async (url, init) => {
    const answer = await fetch(url, init);
    sent += 1;
    if (sent > 1) return answer;
    await answer.arrayBuffer();
    throw new TypeError("fetch failed");
  },
});
const retried = await forgetful.images.generate({ prompt: "猫", model: "mini", size, ...fast });

console.log(JSON.stringify({ drawn, events, edited, models, refused, sent, retried }));
