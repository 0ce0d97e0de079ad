// Chats by the official client. Usage: node chat.mjs SCENARIO URL TOKEN. Prints what came of it as JSON.

import OpenAI from "openai";

const [scenario, url, token] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: token, maxRetries: 0 });
const messages = [{ role: "user", content: "Hello, 世界 🌍" }];
const tool = {
  type: "function",
  function: {
    name: "weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

const pieces = async (model) => {
  const stream = await client.chat.completions.create({
    model,
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  const told = { texts: [], usage: null };
  for await (const chunk of stream) {
    const text = chunk.choices[0]?.delta.content;
    if (text) told.texts.push(text);
    told.usage = chunk.usage ?? told.usage;
  }
  return told;
};

const scenarios = {
  stream: () => pieces("chat"),
  translated: () => pieces("claude"),
  broken: () => pieces("half"),

  unknown: () => client.chat.completions.create({ model: "nobody", messages }),

  // The client's own loop: it runs the tool and sends what came of it.
  tools: async () => {
    const run = { ...tool.function, parse: JSON.parse, function: ({ city }) => `rain in ${city}` };
    const runner = client.chat.completions.runTools({
      model: "claude",
      messages,
      stream: true,
      tools: [{ type: "function", function: run }],
    });
    return { text: await runner.finalContent(), results: await runner.finalFunctionToolCallResult() };
  },
};

const told = (error) => ({
  class: error.constructor.name,
  status: error.status ?? null,
  code: error.code,
  param: error.param ?? null,
});

console.log(JSON.stringify(await scenarios[scenario]().catch(told)));
