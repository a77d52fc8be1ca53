import { open } from "./client.mjs";

export async function serve(broker) {
  const redis = await open(broker);
  return {
    address: broker,
    write: (key, value) => void redis.publish("writes", JSON.stringify({ key, value })),
  };
}

export async function connect(address, onValue) {
  const redis = await open(address);
  redis.on("message", (_channel, text) => onValue(JSON.parse(text).value));
  await redis.subscribe("writes");
}
