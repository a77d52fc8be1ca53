import { beforeEach, describe, expect, it } from "vitest";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { withLimits } from "../../../src/core/limits.ts";
import { diffBytes } from "../../../src/dict/byte-patch.ts";
import { DictAuthority, type Membership } from "../../../src/dict/dict-authority.ts";
import type { DictWrite } from "../../../src/protocol/dict-messages.ts";
import { MemoryStore } from "../../../src/stores/memory-store.ts";
import type { Awaitable, CommitResult, DictOp } from "../../../src/stores/store.ts";
import { turns } from "../session/session-pair.ts";
import { bytesOf, set } from "./lonely-replica.ts";
import { NotedDownlink } from "./noted-downlink.ts";

/** The bytes of `[fn]`, where the function is written as by `functions/by-value`: a sloppy source. */
const FUNCTION = Uint8Array.from([0x91, 0xc1, 0x0c, 0, 1, 0xa0, 0xa4, ...Buffer.from("()=>")]);
const REFUSED = { refuse: "CNR_ERR_NOT_ALLOWED" };

/** Answers a turn later, as a store on a disk does. */
class SlowStore extends MemoryStore {
  override async commit(ops: readonly DictOp[], origin: string): Promise<CommitResult> {
    await turns(1);
    return super.commit(ops, origin);
  }
}

describe.each([
  ["at once", (): MemoryStore => new MemoryStore()],
  ["later", (): MemoryStore => new SlowStore()],
])("a replica that may bring no code, at a store that answers %s", (_, makeStore) => {
  let store: MemoryStore;
  let told: NotedDownlink;
  let restricted: Membership;
  let free: Membership;

  beforeEach(() => {
    store = makeStore();
    const authority = new DictAuthority(store, withLimits());
    told = new NotedDownlink();
    restricted = authority.join(told, false);
    free = authority.join(new NotedDownlink());
    told.take();
  });

  /** Writes, waits until all is answered, and gives the answers. */
  async function write(...writes: DictWrite[]): Promise<(number | string)[]> {
    for (const each of writes) restricted.write(each);
    await turns(writes.length * 3 + 5);
    restricted.catchUp();
    return told.take().flatMap(({ acknowledge, refuse }) => [acknowledge ?? refuse] as (number | string)[]);
  }

  const code = (key: string): DictWrite => ({ kind: "set", key, value: FUNCTION });

  it("has each write with a function refused, in its order, and no other", async () => {
    const answers = await write(set("a", 1), code("f"), set("b", 2), code("a"), code("g"), set("c", 3));
    const flat = answers.flatMap((answer) =>
      typeof answer === "number" ? Array(answer).fill("taken") : answer,
    );
    const no = REFUSED.refuse;
    expect(flat).toEqual(["taken", no, "taken", no, no, "taken"]);
    expect([...store.entries()].map(([key]) => key)).toEqual(["a", "b", "c"]);
    expect(store.get("a")?.value).toEqual(bytesOf(1));
  });

  it("has an update refused as a whole when one of its values has a function", async () => {
    const changes = [set("a", 1), { kind: "set", key: "f", value: FUNCTION } as const];
    expect(await write({ kind: "update", changes })).toEqual([REFUSED.refuse]);
    expect([...store.entries()]).toEqual([]);
  });

  it("has a swap refused, and one for nothing taken", async () => {
    const absent = { kind: "absent" } as const;
    expect(await write({ kind: "swap", key: "f", condition: absent, value: FUNCTION })).toEqual([
      REFUSED.refuse,
    ]);
    free.write(set("x", 1) as DictWrite);
    await turns(5);
    told.take();
    const since = { kind: "since", rev: store.rev } as const;
    expect(await write({ kind: "swap", key: "x", condition: since, value: undefined })).toEqual([1]);
  });

  it("has a patch refused that makes a function of bytes that were none, alone or together", async () => {
    const before = bytesOf(["x".repeat(40), "()=>"]);
    free.write({ kind: "set", key: "x", value: before });
    await turns(5);
    told.take();
    const patch = diffBytes(before, FUNCTION) ?? wholly(FUNCTION);
    const condition = { kind: "since", rev: store.rev } as const;
    expect(await write({ kind: "patch", key: "x", condition, patch })).toEqual([REFUSED.refuse]);
    expect(store.get("x")?.value).toEqual(before);
    const harmless = { kind: "patch", key: "x", condition, patch: wholly(bytesOf("fine")) } as const;
    expect(await write(harmless)).toEqual([1]);
    expect(store.get("x")?.value).toEqual(bytesOf("fine"));
  });

  it("has bytes refused that are no value", async () => {
    const rubbish: DictWrite = { kind: "set", key: "x", value: Uint8Array.from([0xc1, 0x7f]) };
    expect(await write(rubbish, set("y", 1))).toEqual(["CNR_ERR_UNDECODABLE", 1]);
    expect([...store.entries()].map(([key]) => key)).toEqual(["y"]);
  });

  it("deletes, clears and increments like any other", async () => {
    free.write({ kind: "set", key: "f", value: FUNCTION });
    await turns(5);
    told.take();
    const answers = await write(
      { kind: "delete", key: "f" },
      { kind: "increment", key: "n", by: 1 },
      { kind: "clear" },
    );
    expect(answers.filter((answer) => typeof answer === "string")).toEqual([]);
    expect([...store.entries()]).toEqual([]);
  });

  it("does not hold up another, who may", async () => {
    restricted.write(code("f"));
    free.write({ kind: "set", key: "f", value: FUNCTION });
    await turns(5);
    expect(store.get("f")?.value).toEqual(FUNCTION);
  });
});

/** A patch that keeps nothing. */
function wholly(bytes: Uint8Array): Uint8Array {
  const writer = new ByteWriter();
  writer.uint(0);
  writer.uint(0);
  writer.binary(bytes);
  return writer.bytes.slice(0, writer.position);
}

/** Only so that a store that is slow is one: the tests above would pass twice over the same path otherwise. */
describe("the slow store of these tests", () => {
  it("answers later", async () => {
    const answer: Awaitable<CommitResult> = new SlowStore().commit([], "test");
    expect(answer).toBeInstanceOf(Promise);
    await answer;
  });
});
