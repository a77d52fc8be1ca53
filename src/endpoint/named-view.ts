/** Things that are made when their name is first used. */
export interface NamedTable<T> {
  get(name: string): T;
  has(name: string): boolean;
  delete(name: string): boolean;
  names(): string[];
}

/**
 * A view on a table: `queues.tasks`, `delete queues.tasks`, `"tasks" in queues`, `Object.keys(queues)`,
 * `for (const [name, queue] of queues)`. Any text is a name, but for `then`, which `await` asks for.
 */
export function namedView<View, T>(table: NamedTable<T>): View {
  const entries = function* (): Generator<[string, T]> {
    for (const name of table.names()) yield [name, table.get(name)];
  };
  const target: object = Object.defineProperty(
    Object.create(null),
    Symbol.for("nodejs.util.inspect.custom"),
    {
      // Printing shows the names; it makes nothing.
      value: () => table.names(),
      configurable: true,
    },
  );
  return new Proxy(target, {
    get(_, key) {
      if (key === Symbol.iterator) return entries;
      return typeof key === "string" && key !== "then" ? table.get(key) : undefined;
    },
    set: () => false,
    has: (_, key) => typeof key === "string" && table.has(key),
    deleteProperty(_, key) {
      if (typeof key === "string") table.delete(key);
      return true;
    },
    ownKeys: () => table.names(),
    getOwnPropertyDescriptor: (_, key) =>
      typeof key === "string" && table.has(key)
        ? { value: table.get(key), enumerable: true, configurable: true, writable: false }
        : undefined,
    defineProperty: () => false,
  }) as View;
}
