import { afterEach, describe, expect, it } from "vitest";
import { Extension } from "../../../src/codec/extension-types.ts";
import type { ByteWriter } from "../../../src/core/byte-writer.ts";
import { MessageType } from "../../../src/protocol/message-types.ts";
import { ChannelKind } from "../../../src/session/channel-mux.ts";
import { failureOf, type Side, sidesOfTests, TwoSides, turns } from "./two-sides.ts";

const { open, closeAll } = sidesOfTests();
afterEach(closeAll);

const HUGE = Number.MAX_SAFE_INTEGER;

/** Sends a message as no honest side would. */
function forge(side: Side, type: number, write: (writer: ByteWriter) => void): void {
  if (side.session.ended) return;
  write(side.session.begin(type));
  side.session.commit();
}

const value = (side: Side, writer: ByteWriter, what: unknown): void =>
  side.session.encoder.encode(writer, what);

const signalOf = (writer: ByteWriter, id: number): void => {
  writer.escape(Extension.signal);
  writer.uint(id);
};

/** What one message of a hostile client does to a server that serves another client in the same process. */
const hostile: Readonly<Record<string, (side: Side) => void>> = {
  "an answer to a call never made": (side) =>
    forge(side, MessageType.result, (writer) => {
      writer.uint(3);
      value(side, writer, "boo");
    }),
  "an answer with a huge number": (side) =>
    forge(side, MessageType.result, (writer) => {
      writer.uint(HUGE);
      value(side, writer, "boo");
    }),
  "a failure of a call never made": (side) =>
    forge(side, MessageType.failed, (writer) => {
      writer.uint(0);
      value(side, writer, new Error("boo"));
    }),
  "a stream for a call never made": (side) => {
    const { id } = side.mux.open(ChannelKind.stream, "", undefined);
    forge(side, MessageType.stream, (writer) => {
      writer.uint(5);
      writer.uint(id);
    });
  },
  "a stream without its channel": (side) =>
    forge(side, MessageType.stream, (writer) => {
      writer.uint(0);
      writer.uint(77);
    }),
  "a release of a callback that was never lent": (side) =>
    forge(side, MessageType.release, (writer) => {
      writer.uint(HUGE);
      writer.uint(1);
    }),
  "a release of a signal that was never lent": (side) =>
    forge(side, MessageType.signalRelease, (writer) => writer.uint(HUGE)),
  "two signals of one number": (side) =>
    forge(side, MessageType.call, (writer) => {
      writer.uint(0);
      writer.byte(0);
      writer.string("echo");
      writer.array(2);
      for (let n = 0; n < 2; n++) signalOf(writer, 7);
    }),
  "a signal that breaks off": (side) =>
    forge(side, MessageType.call, (writer) => {
      writer.uint(0);
      writer.byte(0);
      writer.string("echo");
      writer.array(1);
      writer.escape(Extension.signal);
    }),
  "a signal in a value of a pipe": (side) => {
    const { id } = side.mux.open(ChannelKind.pipe, "", undefined);
    forge(side, MessageType.channelValue, (writer) => {
      writer.uint(id);
      signalOf(writer, 1);
    });
  },
  "an abort whose reason is no value": (side) =>
    forge(side, MessageType.signalAbort, (writer) => {
      writer.uint(1);
      writer.byte(0xc1);
    }),
  "a signal as the reason of an abort": (side) =>
    forge(side, MessageType.signalAbort, (writer) => {
      writer.uint(1);
      signalOf(writer, 1);
    }),
  "a call of an unknown kind": (side) =>
    forge(side, MessageType.call, (writer) => {
      writer.uint(0);
      writer.byte(99);
      value(side, writer, []);
    }),
  "a call without arguments": (side) =>
    forge(side, MessageType.call, (writer) => {
      writer.uint(0);
      writer.byte(0);
      writer.string("echo");
      value(side, writer, { length: 0 });
    }),
  "a call that breaks off": (side) => forge(side, MessageType.call, (writer) => writer.uint(0)),
  "a function of an unknown form in its arguments": (side) =>
    forge(side, MessageType.call, (writer) => {
      writer.uint(0);
      writer.byte(0);
      writer.string("echo");
      side.session.encoder.encode(writer, [() => {}], { write: (out) => out.uint(9), read: () => () => {} });
    }),
  "a channel opened twice": (side) => {
    for (let n = 0; n < 2; n++) {
      forge(side, MessageType.channelOpen, (writer) => {
        writer.uint(50);
        writer.uint(ChannelKind.stream);
        writer.string("");
      });
    }
  },
};

describe("a peer that breaks the protocol", () => {
  for (const [what, send] of Object.entries(hostile)) {
    it(`with ${what} loses its link, and nothing else happens`, async () => {
      const [bad, good] = [await open(), await open()];
      bad.server.expose({ echo: (...args: unknown[]) => args });
      good.server.expose({ echo: (...args: unknown[]) => args });
      send(bad.client);
      await turns();
      expect(bad.server.session.ended).toMatchObject({ code: "CNR_ERR_PROTOCOL" });
      expect(bad.client.session.ended).toMatchObject({ code: "CNR_ERR_PROTOCOL" });
      expect(await good.client.call("echo", [1])).toEqual([1]);
      expect(good.server.session.ended).toBe(undefined);
    });
  }

  it("with a second answer to one call loses its link; the first answer holds", async () => {
    const { client, server } = await open();
    server.expose({ one: () => 1 });
    const call = client.call("one");
    expect(await call).toBe(1);
    forge(server, MessageType.result, (writer) => {
      writer.uint(0);
      value(server, writer, 2);
    });
    await turns();
    expect(client.session.ended).toMatchObject({ code: "CNR_ERR_PROTOCOL" });
    expect(await call).toBe(1);
  });

  it("with two calls of one number at once loses its link, and both are aborted", async () => {
    const { client, server } = await open();
    let running = 0;
    server.expose({
      wait: () => {
        running++;
        return new Promise(() => {});
      },
    });
    for (let n = 0; n < 2; n++) {
      forge(client, MessageType.call, (writer) => {
        writer.uint(4);
        writer.byte(0);
        writer.string("wait");
        value(client, writer, []);
      });
    }
    await turns();
    expect(running).toBe(1);
    expect(server.session.ended).toMatchObject({ code: "CNR_ERR_PROTOCOL" });
  });

  it("with a bad answer to a call that waits settles that call too", async () => {
    const answers: Readonly<Record<string, (side: Side, id: number) => void>> = {
      "a result that is no value": (side, id) =>
        forge(side, MessageType.result, (writer) => {
          writer.uint(id);
          writer.byte(0xc1);
        }),
      "a result that breaks off": (side, id) => forge(side, MessageType.result, (writer) => writer.uint(id)),
      "a failure that is no value": (side, id) =>
        forge(side, MessageType.failed, (writer) => {
          writer.uint(id);
          writer.byte(0xc1);
        }),
      "a stream without its channel": (side, id) =>
        forge(side, MessageType.stream, (writer) => {
          writer.uint(id);
          writer.uint(9);
        }),
      "a stream that breaks off": (side, id) => forge(side, MessageType.stream, (writer) => writer.uint(id)),
    };
    for (const [what, answer] of Object.entries(answers)) {
      const sides = await TwoSides.open();
      sides.server.expose({ never: () => new Promise(() => {}) });
      const call = sides.client.call("never");
      await turns();
      answer(sides.server, 0);
      expect(await failureOf(call), what).toMatchObject({ code: "CNR_ERR_LINK_LOST", executed: "unknown" });
      await sides.close();
    }
  });

  it("that gives back more than it holds loses its link; what it holds can be called until then", async () => {
    const { client, server } = await open();
    let called = 0;
    server.expose({
      async take(callback: () => Promise<void>) {
        await callback();
        forge(server, MessageType.release, (writer) => {
          writer.uint(1);
          writer.uint(2);
        });
        await new Promise(() => {});
      },
    });
    const call = client.call("take", [() => called++]);
    expect(await failureOf(call)).toMatchObject({ code: "CNR_ERR_LINK_LOST" });
    expect(called).toBe(1);
    expect(client.session.ended).toMatchObject({ code: "CNR_ERR_PROTOCOL" });
  });

  it("that calls a callback it does not hold is told so", async () => {
    const { client, server } = await open();
    forge(client, MessageType.call, (writer) => {
      writer.uint(0);
      writer.byte(1);
      writer.uint(HUGE);
      value(client, writer, []);
    });
    await turns();
    // It made no such call: the answer to it ends its own side.
    expect(client.session.ended).toMatchObject({ code: "CNR_ERR_PROTOCOL" });
    expect(server.session.ended).toMatchObject({ code: "CNR_ERR_PROTOCOL" });
  });

  it("that sends a function home that was never here gets one that says so", async () => {
    const { client, server } = await open();
    const outcomes: unknown[] = [];
    server.expose({
      async take(fn: () => unknown) {
        try {
          await fn();
        } catch (error) {
          outcomes.push(error);
        }
      },
    });
    forge(client, MessageType.call, (writer) => {
      writer.uint(0);
      writer.byte(0);
      writer.string("take");
      client.session.encoder.encode(writer, [() => {}], {
        write(out) {
          out.uint(2);
          out.uint(HUGE);
        },
        read: () => () => {},
      });
    });
    await turns();
    expect(outcomes).toMatchObject([{ code: "CNR_ERR_RELEASED" }]);
  });

  it("that lends more callbacks than the limit loses its link", async () => {
    const { client, server } = await open({
      limits: { maxReferences: 10 },
      clientLimits: { maxReferences: 1000 },
    });
    server.expose({ take: () => new Promise(() => {}) });
    const call = client.call("take", [Array.from({ length: 11 }, () => () => {})]);
    expect(await failureOf(call)).toMatchObject({ code: "CNR_ERR_LINK_LOST" });
    expect(server.session.ended).toHaveProperty("message", expect.stringContaining("maxReferences"));
  });

  it("that answers with a signal loses its link", async () => {
    const { client, server } = await open();
    server.expose({ never: () => new Promise(() => {}) });
    const call = client.call("never");
    await turns();
    forge(server, MessageType.result, (writer) => {
      writer.uint(0);
      signalOf(writer, 1);
    });
    expect(await failureOf(call)).toMatchObject({ code: "CNR_ERR_LINK_LOST" });
    expect(client.session.ended).toMatchObject({ code: "CNR_ERR_PROTOCOL" });
  });

  it.each([
    ["signals", () => new AbortController().signal],
    ["signals that have aborted", () => AbortSignal.abort(null)],
  ])("that sends more %s than the limit loses its link", async (_, make) => {
    const { client, server } = await open({
      limits: { maxReferences: 10 },
      clientLimits: { maxReferences: 1000 },
    });
    server.expose({ take: () => new Promise(() => {}) });
    const signals = Array.from({ length: 11 }, make);
    expect(await failureOf(client.call("take", signals))).toMatchObject({ code: "CNR_ERR_LINK_LOST" });
    expect(server.session.ended).toHaveProperty("message", expect.stringContaining("maxReferences"));
  });

  it("that aborts signals that are not there is not minded: an abort may cross the end of its call", async () => {
    const { client, server } = await open();
    server.expose({ echo: (...args: unknown[]) => args });
    for (const id of [0, 1, HUGE]) {
      forge(client, MessageType.signalAbort, (writer) => {
        writer.uint(id);
        value(client, writer, "why");
      });
    }
    expect(await client.call("echo", [1])).toEqual([1]);
  });

  it("that cancels calls that are not running is not minded: a cancel may cross the answer", async () => {
    const { client, server } = await open();
    server.expose({ echo: (...args: unknown[]) => args });
    for (const id of [0, 1, HUGE]) forge(client, MessageType.cancel, (writer) => writer.uint(id));
    expect(await client.call("echo", [1])).toEqual([1]);
  });

  it("cannot reach a prototype by the name of a function or the keys of a value", async () => {
    const { client, server } = await open({ grants: { code: false } });
    server.expose({ echo: (given: object) => Object.keys(given) });
    const poison = JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}') as object;
    expect(await client.call("echo", [poison])).toEqual(["__proto__", "constructor"]);
    expect("polluted" in {}).toBe(false);
  });
});
