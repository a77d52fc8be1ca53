import { newWebSocketRpcSession, RpcTarget } from "capnweb";
import { WebSocket } from "ws";
import { listen, open } from "../ws/socket.mjs";

globalThis.WebSocket ??= WebSocket; // Node 20 has none, and capnweb reads its constants

class Echo extends RpcTarget {
  echo(value) {
    return value;
  }
}

export async function serve() {
  const { address } = await listen((socket) => newWebSocketRpcSession(socket, new Echo()));
  return address;
}

export async function connect(address) {
  const stub = newWebSocketRpcSession(await open(address));
  return { call: (value) => stub.echo(value) };
}
