// fetch of Node: `URL LINE...` publishes each line in a request of its own, then all in one that has no length.
const [url, ...lines] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${process.env.TOKEN}` };

async function publish(method, body, more) {
  const answer = await fetch(url, { method, body, headers: { ...headers, ...more }, duplex: "half" });
  console.log(answer.status, (await answer.text()).trim());
}

for (const line of lines) {
  // The same again under its key publishes nothing.
  for (let time = 0; time < 2; time += 1) await publish("POST", line, { "Idempotency-Key": `"${line}"` });
}
const pieces = lines.map((line) => new TextEncoder().encode(`${line}\n`));
await publish("PUT", new ReadableStream({
  pull(controller) {
    if (pieces.length > 0) controller.enqueue(pieces.shift());
    else controller.close();
  },
}));
