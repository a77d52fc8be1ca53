import { Subscriber, XPublisher } from "zeromq";
import { oneSendAtATime } from "./sending.mjs";

const READY = "ready";

/** A subscription takes effect some time after `subscribe`, and what is sent before is dropped: `READY` says that it has. */
export async function serve() {
  const publisher = new XPublisher({ sendHighWaterMark: 0, verbosity: "allSubs" });
  await publisher.bind("tcp://127.0.0.1:*");
  const send = oneSendAtATime(publisher);
  const greet = async () => {
    for await (const _subscription of publisher) void send(READY);
  };
  void greet();
  return {
    address: publisher.lastEndpoint,
    write: (key, value) => void send(JSON.stringify({ key, value })),
  };
}

export async function connect(address, onValue) {
  const subscriber = new Subscriber({ receiveHighWaterMark: 0 });
  subscriber.connect(address);
  subscriber.subscribe();
  await subscriber.receive();
  const receive = async () => {
    for await (const [text] of subscriber) {
      if (text.toString() !== READY) onValue(JSON.parse(text).value);
    }
  };
  void receive();
}
