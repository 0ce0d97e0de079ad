// Vercel's AI SDK. Usage: node vercel.mjs CLIENT MODEL URL TOKEN. Prints what came of it as JSON.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, isStepCount, streamText, tool } from "ai";
import { z } from "zod";

const [client, name, url, apiKey] = process.argv.slice(2);
const baseURL = `${url}/v1`;
const clients = {
  compatible: () => createOpenAICompatible({ name: "torana", baseURL, apiKey, includeUsage: true })(name),
  chat: () => createOpenAI({ baseURL, apiKey }).chat(name),
  responses: () => createOpenAI({ baseURL, apiKey })(name),
  anthropic: () => createAnthropic({ baseURL, apiKey })(name),
};
const asked = { model: clients[client](), prompt: "Hello, 世界 🌍", maxRetries: 0 };
const weather = tool({
  description: "Tells the weather.",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `rain in ${city}`,
});
const used = ({ inputTokens, outputTokens }) => [inputTokens, outputTokens];

const whole = await generateText(asked);

const stream = streamText(asked);
const texts = [];
for await (const text of stream.textStream) texts.push(text);

const acted = streamText({ ...asked, tools: { weather }, stopWhen: isStepCount(3) });
const steps = await acted.steps;

console.log(
  JSON.stringify({
    text: whole.text,
    finish: whole.finishReason,
    usage: used(whole.usage),
    texts,
    streamed: used(await stream.usage),
    results: steps.flatMap((step) => step.toolResults.map(({ toolName, input, output }) => [toolName, input, output])),
    last: await acted.text,
  }),
);
