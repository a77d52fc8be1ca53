import type { Socket } from "node:net";
import { LINGER_MS } from "../transport.ts";

const TEXT = "This port speaks Connector (connector://), not HTTP.\n";
const ANSWER = [
  "HTTP/1.1 426 Upgrade Required",
  "Upgrade: connector/1",
  "Connection: close",
  "Content-Type: text/plain; charset=utf-8",
  `Content-Length: ${TEXT.length}`,
  "",
  TEXT,
].join("\r\n");

/** Tells a browser, or whoever else speaks HTTP, where it has come to. */
export function refuseHttp(socket: Socket): void {
  // What is still being asked is read and dropped: a socket that closes on unread bytes takes its answer back.
  socket.on("data", () => {});
  socket.resume();
  socket.end(ANSWER);
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(timer));
}
