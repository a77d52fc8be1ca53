import { Pull, Push } from "zeromq";

export async function serve(onMessage) {
  const pull = new Pull();
  await pull.bind("tcp://127.0.0.1:*");
  const receive = async () => {
    for await (const [text] of pull) onMessage(JSON.parse(text));
  };
  void receive();
  return pull.lastEndpoint;
}

export async function connect(address) {
  const push = new Push();
  push.connect(address);
  return {
    async sendMany(values) {
      for (const value of values) await push.send(JSON.stringify(value));
    },
  };
}
