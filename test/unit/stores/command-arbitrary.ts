import fc from "fast-check";
import type { Command } from "../../../src/stores/commands.ts";
import type { DictOp } from "../../../src/stores/store.ts";

/** Few names and small numbers, so that commands meet each other; now and then any text. */
const name = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom("a", "b", "") },
  fc.string({ unit: "binary", maxLength: 4 }),
);
const text = fc.oneof(name, fc.constantFrom("\ud800", "x\udc00y", "ключ💥"));
const bytes = fc.uint8Array({ maxLength: 5 });
const owner = fc.constantFrom("ann", "bob", "cleo");
const consumer = fc.integer({ min: 1, max: 6 });
const token = fc.integer({ min: 1, max: 25 });
const credits = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constant(2 ** 40));
const ms = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40 }));
const condition = fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined, freq: 4 });

const conditional = <T extends object>(op: T, ifRev: number | undefined): T & { ifRev?: number } =>
  ifRev === undefined ? op : { ...op, ifRev };

export const dictOp: fc.Arbitrary<DictOp> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(text, bytes, condition)
      .map(([key, value, ifRev]) => conditional({ kind: "set" as const, key, value }, ifRev)),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(text, condition)
      .map(([key, ifRev]) => conditional({ kind: "delete" as const, key }, ifRev)),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "clear" as const }) },
);

const of = <K extends Command["kind"]>(
  kind: K,
  fields: {
    [F in Exclude<keyof Extract<Command, { kind: K }>, "kind">]: fc.Arbitrary<
      Extract<Command, { kind: K }>[F]
    >;
  },
): fc.Arbitrary<Command> =>
  fc.record({ kind: fc.constant(kind), ...fields }) as unknown as fc.Arbitrary<Command>;

export const queueCommand: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: of("put", {
      queue: name,
      body: bytes,
      id: fc.option(fc.constantFrom("1", "2", "3"), { nil: undefined, freq: 2 }),
      delayMs: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, ms),
      priority: fc.oneof(
        { weight: 3, arbitrary: fc.constant(0) },
        fc.integer({ min: -2, max: 2 }),
        fc.maxSafeInteger(),
      ),
    }),
  },
  { weight: 4, arbitrary: of("consume", { consumer, queue: name, owner, leaseMs: ms }) },
  { weight: 8, arbitrary: of("demand", { consumer, credits }) },
  { weight: 2, arbitrary: of("withdraw", { consumer, credits }) },
  { weight: 1, arbitrary: of("closeConsumer", { consumer }) },
  { weight: 4, arbitrary: of("ack", { token }) },
  { weight: 4, arbitrary: of("nack", { token, delayMs: ms }) },
  { weight: 2, arbitrary: of("move", { token, queue: name, body: fc.option(bytes, { nil: undefined }) }) },
  { weight: 2, arbitrary: of("extend", { token, leaseMs: ms }) },
  { weight: 1, arbitrary: of("release", { owner }) },
  { weight: 1, arbitrary: of("purge", { queue: name }) },
  { weight: 1, arbitrary: of("closeQueue", { queue: name }) },
  { weight: 2, arbitrary: of("tick", {}) },
);

export const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: queueCommand },
  { weight: 1, arbitrary: of("commit", { ops: fc.array(dictOp, { maxLength: 4 }), origin: text }) },
);

/** A command, and how much later than the one before it comes. */
export interface Step {
  readonly command: Command;
  readonly laterMs: number;
}

export const steps = (command: fc.Arbitrary<Command>): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.record({
      command,
      laterMs: fc.oneof(
        { weight: 3, arbitrary: fc.constant(0) },
        fc.integer({ min: 0, max: 30 }),
        fc.constant(120_000),
      ),
    }),
    {
      minLength: 1,
      maxLength: 120,
      size: "max",
    },
  );
