import { fileURLToPath } from "node:url";
import { credentials, loadPackageDefinition, Server, ServerCredentials } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const { Echo } = loadPackageDefinition(loadSync(fileURLToPath(new URL("echo.proto", import.meta.url))));

export async function listen(handlers) {
  const server = new Server();
  server.addService(Echo.service, { Call: undefined, Send: undefined, ...handlers });
  const bound = (resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  return `127.0.0.1:${await new Promise(bound)}`;
}

export async function open(address) {
  const client = new Echo(address, credentials.createInsecure(), { "grpc.enable_http_proxy": 0 });
  await new Promise((resolve, reject) =>
    client.waitForReady(Date.now() + 5000, (error) => (error ? reject(error) : resolve())),
  );
  return client;
}
