import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WaiterLine, type Waiting } from "../../../src/stores/waiter-line.ts";

class Consumer implements Waiting<Consumer> {
  newest: Waiting<Consumer>["newest"];
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

const shown = (line: WaiterLine<Consumer>): string =>
  [...line].map(({ consumer, credits }) => `${consumer.name}${credits}`).join(" ");

function withdraw(plain: string[], name: string, count: number): number {
  let taken = 0;
  for (; taken < count && plain.includes(name); taken++) plain.splice(plain.lastIndexOf(name), 1);
  return taken;
}

describe("WaiterLine", () => {
  it("serves credits in the order in which they were added", () => {
    const line = new WaiterLine<Consumer>();
    const [a, b] = [new Consumer("a"), new Consumer("b")];
    line.add(a, 2);
    line.add(b, 1);
    line.add(a, 1);
    expect(shown(line)).toBe("a2 b1 a1");
    expect([1, 2, 3, 4, 5].map(() => line.serve()?.name)).toEqual(["a", "a", "b", "a", undefined]);
    expect(line.isEmpty).toBe(true);
  });

  it("takes no place for no credits", () => {
    const line = new WaiterLine<Consumer>();
    line.add(new Consumer("a"), 0);
    expect(line.isEmpty).toBe(true);
  });

  it("withdraws the newest credits first, and answers how many there were", () => {
    const line = new WaiterLine<Consumer>();
    const [a, b] = [new Consumer("a"), new Consumer("b")];
    for (const each of [a, b, a, b]) line.add(each, 3);
    expect(line.withdraw(a, 4)).toBe(4);
    expect(shown(line)).toBe("a2 b6");
    expect(line.withdraw(a, 9)).toBe(2);
    expect(line.withdraw(a, 9)).toBe(0);
    expect(shown(line)).toBe("b6");
  });

  it("stays exact when one asks without limit, twice", () => {
    const line = new WaiterLine<Consumer>();
    const a = new Consumer("a");
    line.add(a, Number.MAX_SAFE_INTEGER);
    line.add(a, Number.MAX_SAFE_INTEGER);
    expect(line.withdraw(a, Number.POSITIVE_INFINITY)).toBe(Number.MAX_SAFE_INTEGER);
    expect(line.isEmpty).toBe(true);
  });

  it("does what a plain list of credits does", () => {
    const step = fc.record({
      act: fc.constantFrom("add", "add", "serve", "withdraw"),
      who: fc.nat(3),
      count: fc.integer({ min: 1, max: 4 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const line = new WaiterLine<Consumer>();
        const consumers = ["a", "b", "c", "d"].map((name) => new Consumer(name));
        const plain: string[] = [];
        for (const { act, who, count } of steps) {
          const consumer = consumers[who] as Consumer;
          if (act === "serve") expect(line.serve()?.name).toBe(plain.shift());
          else if (act === "withdraw")
            expect(line.withdraw(consumer, count)).toBe(withdraw(plain, consumer.name, count));
          else {
            line.add(consumer, count);
            plain.push(...Array<string>(count).fill(consumer.name));
          }
          expect([...line].flatMap(({ consumer: { name }, credits }) => Array(credits).fill(name))).toEqual(
            plain,
          );
          const names = [...line].map((waiter) => waiter.consumer.name);
          expect(names.every((name, n) => name !== names[n + 1])).toBe(true);
        }
      }),
    );
  });
});
