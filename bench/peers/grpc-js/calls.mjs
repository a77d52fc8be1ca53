import { listen, open } from "./service.mjs";

export const serve = () => listen({ Call: ({ request }, answer) => answer(null, request) });

export async function connect(address) {
  const client = await open(address);
  return {
    call: (value) =>
      new Promise((resolve, reject) =>
        client.Call(value, (error, answer) => (error ? reject(error) : resolve(answer))),
      ),
  };
}
