/** What travels in the rows: the objects that performance.md names. */

/** An RPC argument: 40 bytes of JSON. */
export const smallObject = (id) => ({ id, name: "sensor-17", value: 21.5 });

/** A message: 6 fields, about 101 bytes of JSON. `at` is when it was sent, in microseconds of the system's clock. */
export const message = (seq, at = 1_000_000.5) => ({
  seq,
  at,
  name: "sensor-17",
  kind: "temperature",
  value: 21.75,
  place: "h4/r2",
});

/** About 1 KB of JSON, nested: a record with ten rows. */
export const nestedObject = () => ({
  order: "A-2024-000117",
  customer: {
    id: 4711,
    name: "Ada Lovelace",
    email: "ada@example.org",
    address: { city: "London", zip: "W1" },
  },
  lines: Array.from({ length: 10 }, (_, row) => ({
    id: row,
    article: `part-${row}`,
    count: row * 3 + 1,
    price: 9.99 + row,
    stock: row % 2 === 0,
    tags: ["metal", "small"],
  })),
});

/** Microseconds of the monotonic clock, which all processes of one machine share. */
export const microseconds = () => Number(process.hrtime.bigint()) / 1000;
