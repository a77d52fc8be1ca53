import { Dealer, Router } from "zeromq";
import { oneSendAtATime } from "./sending.mjs";

export async function serve() {
  const router = new Router();
  await router.bind("tcp://127.0.0.1:*");
  const answer = async () => {
    for await (const [sender, text] of router) {
      const { id, value } = JSON.parse(text);
      await router.send([sender, JSON.stringify({ id, value })]);
    }
  };
  void answer();
  return router.lastEndpoint;
}

export async function connect(address) {
  const dealer = new Dealer();
  dealer.connect(address);
  const send = oneSendAtATime(dealer);
  const waiting = new Map();
  let nextId = 0;
  const receive = async () => {
    for await (const [text] of dealer) {
      const { id, value } = JSON.parse(text);
      waiting.get(id)(value);
      waiting.delete(id);
    }
  };
  void receive();
  return {
    call(value) {
      const id = nextId++;
      void send(JSON.stringify({ id, value }));
      return new Promise((resolve) => waiting.set(id, resolve));
    },
  };
}
