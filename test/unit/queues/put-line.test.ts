import { describe, expect, it } from "vitest";
import { PLAIN_PUT } from "../../../src/protocol/queue-messages.ts";
import { type ParkedPut, PutLine, type PutSender } from "../../../src/queues/put-line.ts";

const sender: PutSender = { stored() {}, full() {}, refused() {} };
const put = (request: number): ParkedPut => ({
  queue: "q",
  body: new Uint8Array(1),
  fields: PLAIN_PUT,
  sender,
  request,
  isCancelled: false,
});

describe("a line of puts", () => {
  it("gives them in order", () => {
    const line = new PutLine();
    for (let n = 0; n < 100; n++) line.push(put(n));
    expect(line.isEmpty).toBe(false);
    const given = Array.from({ length: 100 }, () => line.shift()?.request);
    expect(given).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(line.isEmpty).toBe(true);
    expect(line.shift()).toBeUndefined();
  });

  it("passes over those that were cancelled, wherever they stand", () => {
    for (const every of [1, 2, 3, 50]) {
      const line = new PutLine();
      const puts = Array.from({ length: 200 }, (_, n) => put(n));
      for (const one of puts) line.push(one);
      for (const one of puts) {
        if (one.request % every !== 0) continue;
        line.cancel(one);
        line.cancel(one);
      }
      const left = puts.filter((one) => one.request % every !== 0).map((one) => one.request);
      expect(line.isEmpty).toBe(left.length === 0);
      const given = [];
      for (let one = line.shift(); one; one = line.shift()) given.push(one.request);
      expect(given).toEqual(left);
      expect(line.isEmpty).toBe(true);
    }
  });

  it("still finds the one that stays while thousands come and go", () => {
    const line = new PutLine();
    const last = put(-1);
    line.push(last);
    for (let n = 0; n < 10_000; n++) {
      const one = put(n);
      line.push(one);
      line.cancel(one);
      expect(line.isEmpty).toBe(false);
    }
    expect(line.shift()).toBe(last);
    expect(line.isEmpty).toBe(true);
  });
});
