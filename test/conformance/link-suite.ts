import { afterEach, describe, expect, it } from "vitest";
import type { Link, LinkHandler } from "../../src/transport/transport.ts";

export interface LinkPair {
  readonly links: readonly [Link, Link];
  /** Frees what the pair needed beside its links. */
  dispose(): Promise<void>;
}

class Ear implements LinkHandler {
  readonly chunks: Uint8Array[] = [];
  bytes = 0;
  drains = 0;
  readonly ends: (Error | undefined)[] = [];
  onChange: () => void = () => {};

  data(bytes: Uint8Array): void {
    this.chunks.push(bytes);
    this.bytes += bytes.length;
    this.onChange();
  }

  drained(): void {
    this.drains++;
    this.onChange();
  }

  closed(error?: Error): void {
    this.ends.push(error);
    this.onChange();
  }

  get all(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.chunks));
  }

  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.onChange = (): void => {
        if (condition()) resolve();
      };
      this.onChange();
    });
  }
}

const pattern = (length: number, seed = 1): Uint8Array =>
  new Uint8Array(length).map((_, n) => (n * 31 + seed) & 255);

/** What every link does. `connectPair` gives the two ends of a fresh one, neither of them started. */
export function linkConformance(
  name: string,
  connectPair: () => Promise<LinkPair>,
  { withKey = false }: { readonly withKey?: boolean } = {},
): void {
  describe(`a link: ${name}`, () => {
    const open: LinkPair[] = [];

    async function pair(): Promise<{ a: Link; b: Link; earA: Ear; earB: Ear; start(): void }> {
      const made = await connectPair();
      open.push(made);
      const [a, b] = made.links;
      const [earA, earB] = [new Ear(), new Ear()];
      return {
        a,
        b,
        earA,
        earB,
        start: () => {
          a.start(earA);
          b.start(earB);
        },
      };
    }

    /** Writes until the other side's machine takes no more; gives what was written. */
    function fill(link: Link, limit = 64 * 1024 * 1024): number {
      let written = 0;
      for (; written < limit && link.bufferedBytes < 4 * 1024 * 1024; written += 256 * 1024)
        link.write([new Uint8Array(256 * 1024)]);
      return written;
    }

    afterEach(async () => {
      for (const { links, dispose } of open.splice(0)) {
        for (const link of links) link.abort();
        await dispose();
      }
    });

    it("delivers in order what was written, in both directions, of any size", async () => {
      const { a, b, earA, earB, start } = await pair();
      start();
      const sizes = [1, 0, 7, 8, 1000, 65_536, 65_537, 1_000_000, 3];
      for (const [n, size] of sizes.entries()) {
        a.write([pattern(size, n)]);
        b.write([pattern(size, n + 100)]);
      }
      const total = sizes.reduce((sum, size) => sum + size, 0);
      await Promise.all([earA.until(() => earA.bytes >= total), earB.until(() => earB.bytes >= total)]);
      expect(Buffer.compare(earB.all, Buffer.concat(sizes.map((size, n) => pattern(size, n))))).toBe(0);
      expect(Buffer.compare(earA.all, Buffer.concat(sizes.map((size, n) => pattern(size, n + 100))))).toBe(0);
    });

    it("sends the chunks of one write one after another", async () => {
      const { a, earB, start } = await pair();
      start();
      const chunks = [pattern(8), pattern(0), pattern(70_000, 2), pattern(1, 3)];
      a.write(chunks);
      a.write([pattern(5, 4)]);
      await earB.until(() => earB.bytes === 70_014);
      expect(Buffer.compare(earB.all, Buffer.concat([...chunks, pattern(5, 4)]))).toBe(0);
    });

    it("hands over plain bytes that are the receiver's own", async () => {
      const { a, earB, start } = await pair();
      start();
      const sent = Buffer.from("hello");
      a.write([sent]);
      await earB.until(() => earB.bytes === 5);
      const [chunk] = earB.chunks;
      expect(Object.getPrototypeOf(chunk)).toBe(Uint8Array.prototype);
      sent.fill(0);
      expect(Buffer.from(chunk ?? []).toString()).toBe("hello");
    });

    it("keeps what came before it was started", async () => {
      const { a, b, earA, earB, start } = await pair();
      a.write([pattern(1000)]);
      b.write([pattern(2000)]);
      await new Promise((resolve) => setTimeout(resolve, 10));
      start();
      await Promise.all([earA.until(() => earA.bytes === 2000), earB.until(() => earB.bytes === 1000)]);
      expect([earA.all, earB.all]).toEqual([pattern(2000), pattern(1000)]);
    });

    it("shows a reader that stands still in bufferedBytes, and tells when all was taken", async () => {
      const { a, b, earA, earB, start } = await pair();
      start();
      expect(a.bufferedBytes).toBe(0);
      b.pause();
      const written = fill(a);
      expect(a.bufferedBytes).toBeGreaterThan(1024 * 1024);
      expect(earA.drains).toBe(0);
      b.resume();
      await Promise.all([earB.until(() => earB.bytes === written), earA.until(() => earA.drains > 0)]);
      expect(a.bufferedBytes).toBe(0);
    });

    it("stops reading on pause, also in the middle of what has come, and goes on after resume", async () => {
      const { a, b, earA, earB } = await pair();
      a.start(earA);
      b.start({
        data: (bytes) => {
          earB.data(bytes);
          b.pause();
        },
        drained: () => earB.drained(),
        closed: (error) => earB.closed(error),
      });
      const total = 2_000_000;
      for (let n = 0; n < 20; n++) a.write([pattern(100_000, n)]);
      for (let seen = 0; earB.bytes < total; ) {
        await earB.until(() => earB.bytes > seen);
        seen = earB.bytes;
        await new Promise((resolve) => setImmediate(resolve));
        expect(earB.bytes).toBe(seen);
        b.resume();
      }
      expect(
        Buffer.compare(earB.all, Buffer.concat(Array.from({ length: 20 }, (_, n) => pattern(100_000, n)))),
      ).toBe(0);
    });

    it("leaves the memory of what was written alone, and of what shares it", async () => {
      const { a, earB, start } = await pair();
      start();
      const pool = Buffer.alloc(8192, 7);
      a.write([pool.subarray(10, 20), pool.subarray(100, 3000)]);
      await earB.until(() => earB.bytes === 2910);
      expect([pool.length, pool.every((byte) => byte === 7)]).toEqual([8192, true]);
      expect(earB.all.every((byte) => byte === 7)).toBe(true);
    });

    it("sends on close what was written, then ends in order on both sides", async () => {
      const { a, b, earA, earB, start } = await pair();
      start();
      a.write([pattern(3_000_000)]);
      b.write([pattern(500_000, 9)]);
      await a.close();
      await earB.until(() => earB.ends.length > 0);
      await earA.until(() => earA.ends.length > 0);
      expect(Buffer.compare(earB.all, pattern(3_000_000))).toBe(0);
      expect(Buffer.compare(earA.all, pattern(500_000, 9))).toBe(0);
      expect([earA.ends, earB.ends]).toEqual([[undefined], [undefined]]);
      await b.close();
    });

    it("ends when both sides close at once", async () => {
      const { a, b, earA, earB, start } = await pair();
      start();
      a.write([pattern(1000)]);
      b.write([pattern(2000)]);
      await Promise.all([a.close(), b.close(), a.close()]);
      await Promise.all([earA.until(() => earA.ends.length > 0), earB.until(() => earB.ends.length > 0)]);
      expect([earA.bytes, earB.bytes]).toEqual([2000, 1000]);
    });

    it("closes any number of times, also after its end, and writes nothing then", async () => {
      const { a, b, earA, earB, start } = await pair();
      start();
      await Promise.all([a.close(), a.close()]);
      await a.close();
      await b.close();
      a.write([pattern(10)]);
      b.write([pattern(10)]);
      a.abort();
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect([earA.bytes, earB.bytes, earA.ends.length, earB.ends.length]).toEqual([0, 0, 1, 1]);
    });

    it("closes though it was never started", async () => {
      const { a, b, earB } = await pair();
      b.start(earB);
      b.write([pattern(100)]);
      await a.close();
      await earB.until(() => earB.ends.length > 0);
      const late = new Ear();
      a.start(late);
      await late.until(() => late.ends.length > 0);
      expect(late.ends).toHaveLength(1);
    });

    it("ends within its linger when the other side takes nothing more", async () => {
      const { a, b, earA, earB, start } = await pair();
      start();
      b.pause();
      fill(a);
      await a.close();
      await earA.until(() => earA.ends.length > 0);
      b.resume();
      await earB.until(() => earB.ends.length > 0);
      expect(earA.ends).toHaveLength(1);
    });

    it("ends both sides at once on abort, with the reason on its own side", async () => {
      const { a, b, earA, earB, start } = await pair();
      start();
      b.pause();
      fill(a);
      const reason = new Error("enough");
      a.abort(reason);
      a.abort(new Error("again"));
      await earA.until(() => earA.ends.length > 0);
      b.resume();
      await earB.until(() => earB.ends.length > 0);
      expect(earA.ends).toEqual([reason]);
      expect(earB.ends).toHaveLength(1);
      await Promise.all([a.close(), b.close()]);
    });

    it("says which key the other side has proved, or that it has none", async () => {
      const { a, b } = await pair();
      expect([typeof a.keyName, typeof b.keyName]).toEqual(Array(2).fill(withKey ? "string" : "undefined"));
    });

    it("has addresses that say where it leads", async () => {
      const { a, b } = await pair();
      expect(String(a.remoteAddress)).toBe(String(b.localAddress));
      expect(String(b.remoteAddress)).toBe(String(a.localAddress));
      expect(String(a.localAddress)).toBe(`${a.localAddress.host}:${a.localAddress.port}`);
    });
  });
}
