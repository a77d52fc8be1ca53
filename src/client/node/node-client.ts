import type { MessagePort } from "node:worker_threads";
import { nodePlatform } from "../../endpoint/node/node-platform.ts";
import type { LooseRecord } from "../../endpoint/schema.ts";
import { type ClientOptions, ConnectorClient } from "../client.ts";
import { nodeDestination } from "./node-destination.ts";

/**
 * A program that uses what a server shares.
 *
 * @example
 * const client = new Client({ name: "worker-1" });
 * await client.connect("127.0.0.1", 1900);
 * client.globals.vars.greeting; // what the server or any client has put there
 */
export class Client<App = LooseRecord> extends ConnectorClient<App, MessagePort> {
  /** Options only: nothing is opened before `connect()`. */
  constructor(options: ClientOptions = {}) {
    super(options, {
      destination: (where, port) => nodeDestination(where, port, options),
      platform: nodePlatform,
    });
  }
}
