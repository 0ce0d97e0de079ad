// What a Node program does with the official client. Usage: node variations.mjs SCENARIO URL TOKEN PHOTO
// Prints what came of it as JSON.

import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";

import OpenAI, { toFile } from "openai";

const [scenario, url, token, photo] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: token, maxRetries: 0 });
const small = { n: 2, size: "64x64", response_format: "b64_json" };

const scenarios = {
  // A stream has no length, so the body goes out in chunks, and in the order of the keys: the picture before its model.
  stream: () => client.images.createVariation({ image: createReadStream(photo), ...small, model: "vary" }),

  file: async () => {
    const image = await toFile(await readFile(photo), basename(photo), { type: "image/jpeg" });
    return client.images.createVariation({ model: "vary", image, ...small });
  },

  nameless: async () => {
    const image = await toFile(await readFile(photo));
    return client.images.createVariation({ model: "vary", image, ...small });
  },

  // Sent as image[], twice.
  array: () =>
    client.images.createVariation({
      model: "vary",
      image: [createReadStream(photo), createReadStream(photo)],
      ...small,
    }),

  remote: () => client.images.createVariation({ image: createReadStream(photo), ...small, model: "remote" }),

  extensions: () =>
    client.images.createVariation({ model: "vary", image: createReadStream(photo), ...small, seed: 1, strength: 0.7 }),

  link: () => client.images.createVariation({ image: createReadStream(photo), n: 2, size: "64x64", model: "vary" }),

  headers: async () => {
    const asked = client.images.createVariation({ image: createReadStream(photo), ...small, model: "vary" });
    const { response, request_id } = await asked.withResponse();
    return { id: request_id, target: response.headers.get("x-torana-model") };
  },

  unknown: () => client.images.createVariation({ image: createReadStream(photo), model: "dall-e-2" }),

  stranger: () =>
    client
      .withOptions({ apiKey: "sk-none" })
      .images.createVariation({ image: createReadStream(photo), model: "vary" }),
};

const told = (error) => ({
  class: error.constructor.name,
  status: error.status,
  code: error.code,
  param: error.param,
  type: error.type,
  id: error.requestID,
});

console.log(JSON.stringify(await scenarios[scenario]().catch(told)));
