import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IndexedHeap } from "../../../src/stores/indexed-heap.ts";

interface Element {
  readonly rank: number;
  slot: number;
}

const heapOf = (ranks: readonly number[]): { heap: IndexedHeap<Element>; elements: Element[] } => {
  const heap = new IndexedHeap<Element>((a, b) => a.rank < b.rank);
  const elements = ranks.map((rank) => ({ rank, slot: -1 }));
  for (const element of elements) heap.push(element);
  return { heap, elements };
};
const drained = (heap: IndexedHeap<Element>): number[] => {
  const ranks: number[] = [];
  for (let element = heap.pop(); element; element = heap.pop()) ranks.push(element.rank);
  return ranks;
};

describe("IndexedHeap", () => {
  it("gives the first element first", () => {
    const { heap } = heapOf([3, 1, 2, 1]);
    expect(heap.size).toBe(4);
    expect(heap.peek()?.rank).toBe(1);
    expect(heap.inOrder().map(({ rank }) => rank)).toEqual([1, 1, 2, 3]);
    expect(drained(heap)).toEqual([1, 1, 2, 3]);
    expect(heap.peek()).toBeUndefined();
  });

  it("ignores the removal of an element that it does not hold", () => {
    const { heap, elements } = heapOf([1, 2]);
    const first = heap.pop() as Element;
    expect(first).toBe(elements[0]);
    heap.remove(first);
    heap.remove({ rank: 2, slot: -1 });
    expect(drained(heap)).toEqual([2]);
  });

  it("lets go of everything when cleared", () => {
    const { heap, elements } = heapOf([1, 2, 3]);
    heap.clear();
    expect(heap.size).toBe(0);
    expect(elements.map(({ slot }) => slot)).toEqual([-1, -1, -1]);
    heap.push(elements[1] as Element);
    expect(drained(heap)).toEqual([2]);
  });

  it("stays in order whatever is removed from its middle", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(1000), { maxLength: 60 }),
        fc.array(fc.nat(59)),
        (ranks, removals) => {
          const { heap, elements } = heapOf(ranks);
          const removed = new Set(
            removals.map((n) => elements[n]).filter((element) => element !== undefined),
          );
          for (const element of removed) heap.remove(element);
          const left = elements.filter((element) => !removed.has(element));
          expect(new Set(heap)).toEqual(new Set(left));
          expect(drained(heap)).toEqual(left.map(({ rank }) => rank).sort((a, b) => a - b));
          expect(elements.every(({ slot }) => slot === -1)).toBe(true);
        },
      ),
    );
  });
});
