import { Publisher, Subscriber } from "zeromq";
import { oneSendAtATime } from "./sending.mjs";

export async function serve() {
  const publisher = new Publisher({ sendHighWaterMark: 0 });
  await publisher.bind("tcp://127.0.0.1:*");
  const send = oneSendAtATime(publisher);
  return { address: publisher.lastEndpoint, write: (key, value) => void send(JSON.stringify({ key, value })) };
}

export async function connect(address, onValue) {
  const subscriber = new Subscriber({ receiveHighWaterMark: 0 });
  subscriber.connect(address);
  subscriber.subscribe();
  const receive = async () => {
    for await (const [text] of subscriber) onValue(JSON.parse(text).value);
  };
  void receive();
}
