import { open } from "./client.mjs";

export async function serve(onMessage, broker) {
  const redis = await open(broker);
  redis.on("message", (_channel, text) => onMessage(JSON.parse(text)));
  await redis.subscribe("messages");
  return broker;
}

export async function connect(address) {
  const redis = await open(address);
  return {
    sendMany: (values) =>
      Promise.all(values.map((value) => redis.publish("messages", JSON.stringify(value)))),
  };
}
