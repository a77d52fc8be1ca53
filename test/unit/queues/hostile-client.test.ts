import { describe, expect, it } from "vitest";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { MessageType } from "../../../src/protocol/message-types.ts";
import type { Session } from "../../../src/session/session.ts";
import { outcomeOf, turns, worlds } from "./queue-world.ts";
import { ignoreQueues, write, writeOpen, writePut, writeUints } from "./raw-messages.ts";

const world = worlds();

type Attack = (session: Session) => void;

const attacks: Record<string, Attack> = {
  "acknowledges what it was never handed": (session) =>
    writeUints(session, MessageType.queueAcknowledge, 1, 1),
  "acknowledges more than it was handed": (session) =>
    writeUints(session, MessageType.queueAcknowledge, 1, 2 ** 40),
  "acknowledges something between two numbers": (session) => {
    write(session, MessageType.queueAcknowledge, (writer) => {
      writer.float(0.5);
      writer.uint(1);
    });
  },
  "gives back what it was never handed": (session) => writeUints(session, MessageType.queueReturn, 7),
  "uses a handle that is not open": (session) => writePut(session, 99, new Uint8Array([1])),
  "asks about a handle that is not open": (session) => writeUints(session, MessageType.queueAsk, 99, 0),
  "demands with a handle that is not open": (session) => writeUints(session, MessageType.queueDemand, 99, 1),
  "forgets a handle that is not open": (session) => writeUints(session, MessageType.queueForget, 99),
  "withdraws from a handle that is not open": (session) => writeUints(session, MessageType.queueWithdraw, 99),
  "opens a handle twice": (session) => writeOpen(session, 1, "other"),
  "opens a queue in a space that is not": (session) => writeOpen(session, 2, "q", 2 as never),
  "opens a queue with a name too long": (session) => writeOpen(session, 2, "x".repeat(1025)),
  "opens a queue without a name": (session) => writeUints(session, MessageType.queueOpen, 2, 1),
  "opens more handles than there may be": (session) => {
    for (let handle = 2; handle <= 65_538; handle++) writeOpen(session, handle, "q");
  },
  "demands more than there can be": (session) => writeUints(session, MessageType.queueDemand, 1, 2 ** 31 + 1),
  "demands more and more": (session) => {
    for (let n = 0; n < 5; n++) writeUints(session, MessageType.queueDemand, 1, 2 ** 30);
  },
  "demands less than nothing": (session) => {
    write(session, MessageType.queueDemand, (writer) => {
      writer.uint(1);
      writer.number(-1);
    });
  },
  "asks what cannot be asked": (session) => writeUints(session, MessageType.queueAsk, 1, 3),
  "puts with unknown flags": (session) => writeUints(session, MessageType.queuePut, 1, 16),
  "puts with an id too long": (session) => {
    write(session, MessageType.queuePut, (writer) => {
      writer.uint(1);
      writer.byte(1);
      writer.string("x".repeat(1025));
      writer.binary(new Uint8Array(1));
    });
  },
  "puts with a priority that is no whole number": (session) => {
    write(session, MessageType.queuePut, (writer) => {
      writer.uint(1);
      writer.byte(4);
      writer.float(0.5);
      writer.binary(new Uint8Array(1));
    });
  },
  "puts with a body longer than its message": (session) => {
    write(session, MessageType.queuePut, (writer) => {
      writer.uint(1);
      writer.byte(0);
      writer.byte(0xc6);
      for (let n = 0; n < 4; n++) writer.byte(0xff);
    });
  },
  "puts without a body": (session) => writeUints(session, MessageType.queuePut, 1, 0, 5),
  "puts bytes beside the message that are not there": (session) => {
    write(session, MessageType.queuePut, (writer) => {
      writer.uint(1);
      writer.byte(0);
      writer.byte(0xc1);
      writer.byte(0x0d);
      writer.uint(50_000);
    });
  },
};

describe("a client that", () => {
  for (const [name, attack] of Object.entries(attacks)) {
    it(`${name} loses its link, and nobody else does`, async () => {
      const all = world();
      const { session, served } = all.connectBare();
      ignoreQueues(session);
      const client = all.connect();
      const waiting = outcomeOf(client.queue("mine").get());
      writeOpen(session, 1, "tasks");
      await turns();
      attack(session);
      await turns(30);
      expect(served.ended).toMatchObject({ code: "CNR_ERR_PROTOCOL" });
      expect(session.ended).toMatchObject({ code: "CNR_ERR_PROTOCOL" });
      expect(client.session.ended).toBeUndefined();
      expect(waiting.settled).toBe(false);
      await client.queue("mine").put("fine");
      await turns();
      expect(waiting.value).toBe("fine");
    });
  }

  it("acknowledges twice loses its link, and the item stays given", async () => {
    const all = world();
    const { session, served } = all.connectBare();
    const heard = ignoreQueues(session);
    await all.server.get("tasks").put("x");
    writeOpen(session, 1, "tasks");
    writeUints(session, MessageType.queueDemand, 1, 1);
    await turns();
    expect(heard).toEqual([[MessageType.queueItem, 1]]);
    writeUints(session, MessageType.queueAcknowledge, 1, 1);
    await turns();
    expect(served.ended).toBeUndefined();
    writeUints(session, MessageType.queueAcknowledge, 1, 1);
    await turns();
    expect(served.ended).toMatchObject({ code: "CNR_ERR_PROTOCOL" });
    expect(all.store.size("tasks")).toEqual({ ready: 0, leased: 0, delayed: 0 });
  });

  it("acknowledges by another's number settles only its own", async () => {
    const all = world();
    const [one, two] = [all.connectBare(), all.connectBare()];
    for (const { session } of [one, two]) ignoreQueues(session);
    await all.server.get("tasks").put("one's");
    await all.server.get("tasks").put("two's");
    for (const { session } of [one, two]) {
      writeOpen(session, 1, "tasks");
      writeUints(session, MessageType.queueDemand, 1, 1);
      await turns();
    }
    writeUints(two.session, MessageType.queueAcknowledge, 1, 1);
    await turns();
    one.session.abort(one.served.ended ?? (new Error("gone") as never));
    await turns();
    expect(await all.server.get("tasks").get()).toBe("one's");
    expect(await all.server.get("tasks").size()).toBe(0);
  });

  it("withdraws more than it asked for hears nothing, and goes on", async () => {
    const all = world();
    const { session, served } = all.connectBare();
    const heard = ignoreQueues(session);
    writeOpen(session, 1, "tasks");
    writeUints(session, MessageType.queueWithdraw, 1);
    writeUints(session, MessageType.queueDemand, 1, 1);
    writeUints(session, MessageType.queueWithdraw, 1);
    writeUints(session, MessageType.queueWithdraw, 1);
    writeUints(session, MessageType.queueCancel, 12);
    writePut(session, 1, new Uint8Array([1]));
    await turns();
    expect(heard).toEqual([
      [MessageType.queueNothing, 1],
      [MessageType.queueSettled, 1, 1],
    ]);
    expect(served.ended).toBeUndefined();
  });

  it("forgets a handle while it holds an item may still settle it", async () => {
    const all = world();
    const { session, served } = all.connectBare();
    ignoreQueues(session);
    for (let n = 0; n < 2; n++) await all.server.get("tasks").put(n);
    writeOpen(session, 1, "tasks");
    writeUints(session, MessageType.queueDemand, 1, 5);
    await turns();
    writeUints(session, MessageType.queueForget, 1);
    writeUints(session, MessageType.queueAcknowledge, 1, 1);
    writeUints(session, MessageType.queueReturn, 2);
    await turns();
    expect(served.ended).toBeUndefined();
    expect(all.store.size("tasks")).toEqual({ ready: 1, leased: 0, delayed: 0 });
  });
});

describe("a server that", () => {
  const wrong: Record<string, Attack> = {
    "settles what nobody sent": (session) => writeUints(session, MessageType.queueSettled, 1, 2 ** 40),
    "answers what nobody asked": (session) => writeUints(session, MessageType.queueAnswer, 5, 0),
    "refuses with what is no value": (session) => {
      write(session, MessageType.queueRefused, (writer) => {
        writer.uint(1);
        writer.byte(0xc1);
        writer.byte(0x7f);
      });
    },
  };
  for (const [name, attack] of Object.entries(wrong)) {
    it(`${name} loses its link`, async () => {
      const client = world().connect();
      void client
        .queue()
        .size()
        .catch(() => {});
      attack(client.served);
      await turns();
      expect(client.session.ended).toMatchObject({ code: "CNR_ERR_PROTOCOL" });
    });
  }

  it("sends an item that nobody asked for gets it back", async () => {
    const client = world().connect();
    const returned: number[] = [];
    client.served.handle({ [MessageType.queueReturn]: (reader) => void returned.push(reader.uint()) });
    void client.queue().size();
    await turns();
    for (const handle of [1, 77]) {
      write(client.served, MessageType.queueItem, (writer) => {
        writer.uint(handle);
        writer.binary(new ByteWriter().bytes.slice(0, 1));
      });
    }
    writeUints(client.served, MessageType.queueNothing, 77);
    writeUints(client.served, MessageType.queueEnd, 77);
    await turns();
    expect(returned).toEqual([1, 2]);
    expect(client.session.ended).toBeUndefined();
  });
});
