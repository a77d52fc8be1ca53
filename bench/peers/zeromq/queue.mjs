import { Pull, Push } from "zeromq";
import { oneSendAtATime } from "./sending.mjs";

/** No broker: the consumer listens, and the producer connects to it. */
export async function connect(address) {
  return address === undefined ? await consumer() : producer(address);
}

async function consumer() {
  const pull = new Pull();
  await pull.bind("tcp://127.0.0.1:*");
  const receive = async (onItem) => {
    for await (const [text] of pull) onItem(JSON.parse(text));
  };
  return { address: pull.lastEndpoint, consume: (onItem) => void receive(onItem) };
}

function producer(address) {
  const push = new Push();
  push.connect(address);
  const send = oneSendAtATime(push);
  return { putMany: (values) => Promise.all(values.map((value) => send(JSON.stringify(value)))) };
}
