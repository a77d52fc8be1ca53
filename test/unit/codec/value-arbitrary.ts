import fc from "fast-check";

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.string({ minLength: 20, maxLength: 300 }),
  // Lone surrogates, which UTF-8 cannot say.
  fc
    .array(fc.integer({ min: 0xd700, max: 0xe100 }), { maxLength: 30 })
    .map((codes) => String.fromCharCode(...codes)),
);
const wholeNumber = fc
  .tuple(fc.integer({ min: 0, max: 53 }), fc.integer({ min: -2, max: 2 }), fc.boolean())
  .map(([power, offset, isNegative]) => (2 ** power + offset) * (isNegative ? -1 : 1));
const binary = fc.oneof(
  fc.uint8Array(),
  fc.int8Array(),
  fc.uint8ClampedArray(),
  fc.int16Array(),
  fc.uint16Array(),
  fc.int32Array(),
  fc.uint32Array(),
  fc.float32Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
  fc.bigUint64Array(),
  fc.uint8Array().map((bytes) => bytes.slice().buffer),
  fc.uint8Array().map((bytes) => new DataView(bytes.slice().buffer)),
);
const key = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom("a", "b", "id", "name", "value", "7", "0") },
  { weight: 1, arbitrary: fc.constantFrom("__proto__", "constructor", "toString", "then", "") },
  { weight: 1, arbitrary: text },
);
const flags = fc.uniqueArray(fc.constantFrom("d", "g", "i", "m", "s", "u", "y")).map((each) => each.join(""));

const leaf = fc.oneof(
  text,
  wholeNumber,
  fc.double(),
  fc.boolean(),
  fc.constantFrom(null, undefined, -0, Number.NaN, Number.POSITIVE_INFINITY),
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
  fc.date({ noInvalidDate: false }),
  fc
    .tuple(fc.constantFrom("", "a+", "[^b]*", "(?<x>c)"), flags)
    .map(([source, given]) => new RegExp(source, given)),
  binary,
  fc.oneof(fc.double(), fc.boolean(), fc.string(), fc.bigInt()).map((value) => Object(value) as object),
);

/** `__proto__` as a key of its own, as JSON.parse makes it. */
function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  return Object.fromEntries(entries);
}

function sparse(entries: readonly (readonly [number, unknown])[], extra: number): unknown[] {
  const array: unknown[] = [];
  for (const [index, value] of entries) array[index] = value;
  array.length += extra;
  return array;
}

/** Every value of the contract, as a tree. */
export const tree: fc.Arbitrary<unknown> = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.array(tie("node"), { maxLength: 6 }),
    fc.array(fc.tuple(key, tie("node")), { maxLength: 6 }).map(objectOf),
    fc
      .array(fc.tuple(key, tie("node")), { maxLength: 4 })
      .map((entries) => Object.assign(Object.create(null), objectOf(entries)) as object),
    fc.array(fc.tuple(tie("node"), tie("node")), { maxLength: 4 }).map((entries) => new Map(entries)),
    fc.array(tie("node"), { maxLength: 4 }).map((items) => new Set(items)),
    fc
      .tuple(fc.array(fc.tuple(fc.nat(2000), tie("node")), { maxLength: 4 }), fc.nat(5000))
      .map(([entries, extra]) => sparse(entries, extra)),
  ),
})).node;

const kinds = ["object", "array", "map", "mapKey", "set", "sparse"] as const;

/** Containers that refer to each other at random: cycles, shared places, islands. */
export const graph: fc.Arbitrary<unknown> = fc
  .array(fc.tuple(fc.constantFrom(...kinds), leaf, fc.array(fc.nat(11), { maxLength: 4 })), {
    minLength: 1,
    maxLength: 12,
  })
  .map((nodes) => {
    const made = nodes.map(([kind]) => emptyOf(kind));
    nodes.forEach(([, value, references], n) => {
      const container = made[n] as object;
      add(container, "leaf", value);
      for (const [index, to] of references.entries()) add(container, `to${index}`, made[to % made.length]);
    });
    return made[0];
  });

function emptyOf(kind: (typeof kinds)[number]): object {
  switch (kind) {
    case "object":
      return {};
    case "array":
      return [];
    case "map":
    case "mapKey":
      return new Map();
    case "set":
      return new Set();
    case "sparse": {
      const array: unknown[] = [];
      array.length = 3;
      return array;
    }
  }
}

function add(container: object, name: string, value: unknown): void {
  if (Array.isArray(container)) container.push(value);
  else if (container instanceof Map) container.set(typeof value === "object" ? value : name, value);
  else if (container instanceof Set) container.add(value);
  else (container as Record<string, unknown>)[name] = value;
}
