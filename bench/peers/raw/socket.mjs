import { once } from "node:events";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { constants } from "node:crypto";
import tls from "node:tls";

/** `tcp`, `tls` (1.3, with a pre-shared key) or `unix`. */
const link = process.env.BENCH_LINK;
const PSK = { identity: "bench", psk: Buffer.alloc(32, 7) };
const TLS = {
  minVersion: "TLSv1.3",
  ciphers: "TLS_AES_128_GCM_SHA256",
  secureOptions: constants.SSL_OP_NO_TICKET,
};

export async function listen(onSocket) {
  const server =
    link === "tls"
      ? tls.createServer({ ...TLS, noDelay: true, pskCallback: () => PSK.psk }, onSocket)
      : createServer({ noDelay: true }, onSocket);
  const path = join(process.env.XDG_RUNTIME_DIR ?? "", `raw-${process.pid}.sock`);
  server.listen(link === "unix" ? path : { port: 0, host: "127.0.0.1", backlog: 4096 });
  await once(server, "listening");
  return { server, address: link === "unix" ? { path } : { host: "127.0.0.1", port: server.address().port } };
}

export async function open(address) {
  const identified = { ...TLS, ca: [], pskCallback: () => PSK, checkServerIdentity: () => new Error("no proof") };
  const socket =
    link === "tls" ? tls.connect({ ...address, ...identified }) : connect({ ...address, noDelay: true });
  socket.setNoDelay(true);
  await once(socket, link === "tls" ? "secureConnect" : "connect");
  return socket;
}
