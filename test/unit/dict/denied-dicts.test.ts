import { afterEach, describe, expect, it } from "vitest";
import { withLimits } from "../../../src/core/limits.ts";
import { denyDicts } from "../../../src/dict/denied-dicts.ts";
import { DictReplica } from "../../../src/dict/dict-replica.ts";
import { linkReplicas } from "../../../src/dict/replica-link.ts";
import { SharedDict } from "../../../src/dict/shared-dict.ts";
import { MessageType } from "../../../src/protocol/message-types.ts";
import type { Session } from "../../../src/session/session.ts";
import { OpenSessions, turns } from "../session/session-pair.ts";
import { bytesOf } from "./lonely-replica.ts";

const sessions = new OpenSessions();
afterEach(() => sessions.end());

const REFUSAL = expect.objectContaining({ name: "PermissionError", code: "CNR_ERR_NOT_ALLOWED" }) as Error;

interface Dict {
  readonly dict: SharedDict;
  readonly replica: DictReplica;
  readonly errors: unknown[];
}

function dict(): Dict {
  const errors: unknown[] = [];
  const replica = new DictReplica({ limits: withLimits(), onError: (error) => errors.push(error) });
  return { dict: new SharedDict(replica), replica, errors };
}

/** A client that is linked to a server which has not said yet that it may use no dict. */
function link(): { client: Session; server: Session; local: Dict; global: Dict; ready: Promise<void> } {
  const [server, client] = sessions.pair();
  const [local, global] = [dict(), dict()];
  const { ready } = linkReplicas(client, { local: local.replica, global: global.replica });
  return { client, server, local, global, ready };
}

describe("a client that may use no dict", () => {
  it("is told so where it waits for the snapshot", async () => {
    const { server, ready, global } = link();
    denyDicts(server);
    await ready;
    expect(() => global.dict.get("x")).toThrow(REFUSAL);
    expect(global.dict.stale).toBe(true);
  });

  it("has what it wrote before it knew taken back: waits reject, and the error event tells of the rest", async () => {
    const { client, server, local, global, ready } = link();
    for (const { dict } of [local, global]) dict.set("plain", 1).set("more", 2);
    const waits = [global, local].flatMap(({ dict }) => [
      dict.increment("n"),
      dict.synced(),
      dict.waitFor("never"),
      dict.changes().next(),
    ]);
    const outcomes = Promise.allSettled(waits);
    denyDicts(server);
    await ready;
    expect((await outcomes).map(({ status }) => status)).toEqual(Array(8).fill("rejected"));
    for (const wait of waits) await expect(wait).rejects.toThrow(REFUSAL);
    for (const { dict, errors } of [local, global]) {
      expect(errors).toEqual([REFUSAL]);
      expect(dict.pending).toBe(0);
      expect(() => dict.has("plain")).toThrow(REFUSAL);
    }
    await turns();
    expect([client.ended, server.ended]).toEqual([undefined, undefined]);
  });

  it("is not told by the error event when it had written nothing", async () => {
    const { server, global, ready } = link();
    denyDicts(server);
    await ready;
    expect(global.errors).toEqual([]);
  });

  it("may read what the next link brings", async () => {
    const first = link();
    denyDicts(first.server);
    await first.ready;
    const [server, client] = sessions.pair();
    const { local, global } = first;
    const { ready } = linkReplicas(client, { local: local.replica, global: global.replica });
    expect(global.dict.size).toBe(0);
    const writer = server.begin(MessageType.dictSnapshot);
    writer.uint(1);
    writer.uint(7);
    writer.boolean(true);
    writer.uint(1);
    writer.string("x");
    writer.binary(bytesOf("seen"));
    server.commit();
    await ready;
    expect(global.dict.get("x")).toBe("seen");
  });

  it("keeps the link, whatever it writes; only what is no write ends it", async () => {
    const { client, server } = link();
    denyDicts(server);
    const write = (...fields: number[]): void => {
      const writer = client.begin(MessageType.dictWrite);
      for (const field of fields) writer.byte(field);
      client.commit();
    };
    write(1, 2);
    write(0, 7);
    write(1, 1, 0xa1, 0x61);
    await turns();
    expect(server.ended).toBeUndefined();
    write(2, 2);
    await turns();
    expect(server.ended).toMatchObject({ code: "CNR_ERR_PROTOCOL" });
  });
});
