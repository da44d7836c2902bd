// npm's ai with @ai-sdk/openai-compatible, unchanged: what it was given, as one JSON object.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateImage } from "ai";

const baseURL = process.argv[2];
const provider = createOpenAICompatible({ name: "sdjp", baseURL, apiKey: "unused" });
const size = "64x64";
const providerOptions = { sdjp: { num_inference_steps: 1, seed: 7 } };
const pictures = (answer) => answer.images.map((image) => image.base64);

const drawn = await generateImage({
  model: provider.imageModel("mini"), prompt: "馬", n: 2, size, providerOptions,
});
const byAddress = await generateImage({
  model: provider.imageModel("dall-e-3"), prompt: "馬", size, providerOptions,
});
const edited = await generateImage({
  model: provider.imageModel("mini"),
  prompt: { text: "青い馬", images: [drawn.images[0].uint8Array] },
  size,
  providerOptions,
});
const refused = await generateImage({
  model: provider.imageModel("mini"), prompt: "馬", size: "100x100", maxRetries: 0,
}).catch((error) => ({ status: error.statusCode, message: error.message, again: error.isRetryable }));

console.log(
  JSON.stringify({
    drawn: pictures(drawn), byAddress: pictures(byAddress), edited: pictures(edited),
    usage: drawn.usage, refused,
  }),
);
