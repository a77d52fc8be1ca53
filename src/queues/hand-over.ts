import type { QueueHandle, Settler } from "./queue-binding.ts";

/** Gives an item to the get that waits for it. One that cannot be read has reached its getter too: it fails that get alone. */
export function handOver<T>(handle: QueueHandle, id: number, body: Uint8Array, getter: Settler<T>): void {
  let value: T;
  try {
    value = handle.decode(body) as T;
  } catch (error) {
    handle.accept(id);
    getter.reject(error);
    return;
  }
  handle.accept(id);
  getter.resolve(value);
}
