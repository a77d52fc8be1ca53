import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { nodePlatform } from "../../../src/endpoint/node/node-platform.ts";
import { byValue } from "../../../src/functions/travel-mark.ts";
import { CallTable } from "../../../src/rpc/call-table.ts";
import { type Exposed, ExposedFunctions } from "../../../src/rpc/exposed-functions.ts";
import { ALL_GRANTS } from "../../../src/security/policy.ts";
import { ChannelMux } from "../../../src/session/channel-mux.ts";
import { ScriptedLink } from "../session/scripted-link.ts";
import { sessionOver } from "../session/session-pair.ts";
import { turns } from "./two-sides.ts";

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));

/** What each message about calls puts on the wire, with its frame. Where it answers a message, that is read from hex. */
async function callSamples(): Promise<Record<string, string>> {
  const link = new ScriptedLink();
  const session = sessionOver(link);
  const exposed = new ExposedFunctions();
  const calls = new CallTable({
    session,
    mux: new ChannelMux(session),
    exposed,
    host: nodePlatform,
    grants: ALL_GRANTS,
    peer: "x",
    names: {},
  });
  const samples: Record<string, string> = {};
  const sample = async (name: string): Promise<void> => {
    await turns(2);
    samples[name] = Buffer.concat(link.writes.splice(0).flat()).toString("hex");
  };
  const thrown = Object.assign(new RangeError("why"), { code: "E", stack: "" });
  const functions: Record<string, Exposed["fn"]> = {
    ok: () => "yes",
    fails: () => {
      throw thrown;
    },
    takes: (fn: () => unknown) => void fn,
    async *streams() {
      yield 1;
    },
  };
  exposed.expose(functions as Parameters<typeof exposed.expose>[0]);
  const callback = function tell(): void {};

  void calls.callName("add", [1, "two"]);
  await sample("call by name");
  void calls.run("eval", "1 + 1");
  await sample("call of eval");
  void calls.run("exec", "let a = 1");
  await sample("call of exec");
  void calls.callFunction(Math.max, [3]);
  await sample("call of a function that goes by its name");
  // Not captured here: its text is the compiler's.
  void calls.callName("take", [callback, byValue(Math.max)]);
  await sample("call with a callback, and a function by value");
  calls.callName("slow", []).cancel();
  await sample("call, then cancel");
  const controller = new AbortController();
  void calls.callName("watch", [{ signal: controller.signal }]);
  await sample("call with a signal");
  controller.abort("enough");
  await sample("abort of a signal");
  void calls.callName("watch", [AbortSignal.abort("enough")]);
  await sample("call with a signal that has aborted");

  const called = (name: string, args: string): void => {
    const payload = `100500${(0xa0 + name.length).toString(16)}${Buffer.from(name).toString("hex")}${args}`;
    session.attached.data(
      bytesOf(`${(payload.length / 2).toString(16).padStart(2, "0")}00001000000000${payload}`),
    );
  };
  called("ok", "90");
  await sample("result");
  called("fails", "90");
  await sample("failed");
  called("streams", "90");
  await sample("stream, with its channel");
  // It is given back when the call has ended.
  called("takes", "91c10c0101a474656c6c");
  await sample("result of a call with a callback, then release");
  called("takes", "91c11007");
  await sample("result of a call with a signal, then its release");
  await session.close();
  return samples;
}

/** A change of these bytes is a change of the protocol: programs of another release would not understand it. */
describe("the bytes of messages about calls", () => {
  it("are those of test/golden/calls.json", async () => {
    const golden: unknown = JSON.parse(
      readFileSync(new URL("../../golden/calls.json", import.meta.url), "utf8"),
    );
    const samples = await callSamples();
    expect(samples).toEqual(golden);
  });
});
