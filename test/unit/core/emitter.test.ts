import { describe, expect, it } from "vitest";
import { callSafely, Emitter } from "../../../src/core/emitter.ts";

type Events = { connect: [id: string, n: number]; close: []; error: [error: unknown] };

function emitter(): { events: Emitter<Events>; failures: unknown[] } {
  const failures: unknown[] = [];
  return { events: new Emitter<Events>((error, name) => void failures.push([name, error])), failures };
}

describe("an emitter", () => {
  it("calls every listener of an event, in order, with what was emitted", () => {
    const { events } = emitter();
    const calls: unknown[] = [];
    events.on("connect", (id, n) => calls.push(["first", id, n]));
    events.on("connect", (id, n) => calls.push(["second", id, n]));
    events.on("close", () => calls.push("close"));
    events.emit("connect", "a", 1);
    expect(calls).toEqual([
      ["first", "a", 1],
      ["second", "a", 1],
    ]);
  });

  it("stops calling a listener that was disposed, also the second of the same function", () => {
    const { events } = emitter();
    let calls = 0;
    const listener = (): void => void calls++;
    const [first, second] = [events.on("close", listener), events.on("close", listener)];
    events.emit("close");
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    events.emit("close");
    second[Symbol.dispose]();
    events.emit("close");
    expect(calls).toBe(3);
  });

  it("calls those that were there when it began, whatever they add and remove meanwhile", () => {
    const { events } = emitter();
    const calls: string[] = [];
    const first = events.on("close", () => {
      calls.push("first");
      first[Symbol.dispose]();
      events.on("close", () => calls.push("added"));
    });
    events.on("close", () => calls.push("last"));
    events.emit("close");
    expect(calls).toEqual(["first", "last"]);
  });

  it("reports what a listener throws or rejects with, and calls the others all the same", async () => {
    const { events, failures } = emitter();
    const [thrown, rejectedWith] = [new Error("thrown"), new Error("rejected")];
    let others = 0;
    events.on("close", () => {
      throw thrown;
    });
    events.on("close", async () => {
      throw rejectedWith;
    });
    events.on("close", () => void others++);
    events.emit("close");
    await Promise.resolve();
    await Promise.resolve();
    expect([failures, others]).toEqual([
      [
        ["close", thrown],
        ["close", rejectedWith],
      ],
      1,
    ]);
  });

  it("says nothing of an error listener's own error: it would be told it again", () => {
    const { events, failures } = emitter();
    events.on("error", () => {
      throw new Error("again");
    });
    events.emit("error", 1);
    expect(failures).toEqual([]);
  });

  it("emits to nobody without complaint", () => {
    expect(() => emitter().events.emit("close")).not.toThrow();
  });
});

describe("a user's function that is called safely", () => {
  it("never lets its failure reach the caller", async () => {
    const errors: unknown[] = [];
    callSafely(
      (a: number, b: number) => {
        throw new RangeError(`${a + b}`);
      },
      [1, 2],
      (error) => void errors.push(error),
    );
    callSafely(
      () => Promise.reject(new Error("later")),
      [],
      (error) => void errors.push(error),
    );
    callSafely(
      () => 5,
      [],
      (error) => void errors.push(error),
    );
    await Promise.resolve();
    await Promise.resolve();
    expect(errors).toEqual([new RangeError("3"), new Error("later")]);
  });
});
