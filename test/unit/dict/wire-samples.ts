import { failure } from "../../../src/core/errors.ts";
import { withLimits } from "../../../src/core/limits.ts";
import { linkAuthorities } from "../../../src/dict/authority-link.ts";
import { denyDicts } from "../../../src/dict/denied-dicts.ts";
import { DictAuthority } from "../../../src/dict/dict-authority.ts";
import { DictReplica } from "../../../src/dict/dict-replica.ts";
import { linkReplicas } from "../../../src/dict/replica-link.ts";
import { SharedDict } from "../../../src/dict/shared-dict.ts";
import { HEADER_BYTES } from "../../../src/protocol/frame.ts";
import { MemoryStore } from "../../../src/stores/memory-store.ts";
import { ScriptedLink } from "../session/scripted-link.ts";
import { sessionOver, turns } from "../session/session-pair.ts";

/** What each message about dicts puts on the wire, without its frame: two clients and a server that talk to each other. */
export async function dictSamples(): Promise<Record<string, string>> {
  const samples: Record<string, string> = {};
  const limits = withLimits();
  const authority = new DictAuthority(new MemoryStore(), limits);
  const ends = [0, 1].map(() => {
    const [near, far] = [new ScriptedLink(), new ScriptedLink()];
    const [client, server] = [sessionOver(near), sessionOver(far)];
    const [local, global] = [0, 1].map(() => new DictReplica({ limits, onError() {} })) as [
      DictReplica,
      DictReplica,
    ];
    linkAuthorities(server, { local: () => new DictAuthority(new MemoryStore(), limits), global: authority });
    linkReplicas(client, { local, global });
    return { near, far, client, server, dict: new SharedDict(global), local: new SharedDict(local) };
  });
  const [a, b] = ends as [(typeof ends)[0], (typeof ends)[0]];

  const carry = (name: string, from: ScriptedLink, to: ScriptedLink): void => {
    const bytes = Buffer.concat(from.writes.splice(0).flat());
    if (bytes.length === 0) return;
    samples[name] = messagesIn(bytes);
    to.handler?.data(new Uint8Array(bytes));
  };
  /** Runs `write` at the first client, and notes what is said because of it. */
  const sample = async (name: string, write: () => unknown): Promise<void> => {
    write();
    await turns(1);
    carry(name, a.near, a.far);
    await turns(1);
    carry(`${name}: answer`, a.far, a.near);
    carry(`${name}: to another client`, b.far, b.near);
    await turns(1);
  };

  await sample("join", () => {});
  await sample("set", () => a.dict.set("key", "value"));
  await sample("set twice", () => a.dict.set("n", 1).set("n", 2));
  await sample("delete", () => a.dict.delete("key"));
  await sample("update", () => a.dict.update({ x: [1], y: null }));
  await sample("swap", () => a.dict.compareAndSet("x", [1], [2]));
  await sample("swap of an absent key", () => a.dict.setDefault("z", true));
  await sample("swap for nothing", () => a.dict.modify("z", () => undefined));
  await sample("swap after an own write", () => {
    a.dict.set("own", 1);
    void a.dict.compareAndSet("own", 1, 2);
  });
  await sample("increment", () => a.dict.increment("n", 0.5));
  await sample("increment of a text", () => {
    a.dict.set("text", "t");
    void a.dict.increment("text");
  });
  await sample("long", () => a.dict.set("long", "-".repeat(100)));
  await sample("patch", () => a.dict.mutate("long", (text) => text.replace("----------", "!")));
  await sample("clear", () => a.dict.clear());
  await sample("local", () => a.local.set("mine", 1));
  // The other client's write is on its way here when this one's condition is sent.
  b.dict.set("contested", 1);
  await turns(1);
  carry("contested", b.near, b.far);
  await sample("refused", () => a.dict.setDefault("contested", 2));

  const far = new ScriptedLink();
  const server = sessionOver(far);
  denyDicts(server);
  server.flush();
  samples["denied"] = messagesIn(Buffer.concat(far.writes.splice(0).flat()));
  server.abort(failure("CNR_ERR_CLOSED", { by: "the test" }));

  for (const { client, server } of ends) {
    for (const session of [client, server]) session.abort(failure("CNR_ERR_CLOSED", { by: "the test" }));
  }
  return samples;
}

/** The payloads of all frames. */
function messagesIn(frames: Buffer): string {
  let messages = "";
  for (let at = 0; at < frames.length; ) {
    const end = at + HEADER_BYTES + frames.readUIntLE(at, 3);
    messages += frames.toString("hex", at + HEADER_BYTES, end);
    at = end;
  }
  return messages;
}
