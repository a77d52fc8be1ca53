/** All who wait on one signal. */
interface Crowd {
  readonly listeners: Set<() => void>;
  readonly tell: () => void;
}

const crowds = new WeakMap<AbortSignal, Crowd>();

/**
 * Calls `listener` once when the signal aborts. However many wait, the signal has one listener of ours: a signal that
 * belongs to a whole program may end any number of waits.
 *
 * @returns takes it back; the signal's listener goes with the last
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const crowd = crowds.get(signal) ?? gather(signal);
  crowd.listeners.add(listener);
  return () => {
    if (!crowd.listeners.delete(listener) || crowd.listeners.size > 0) return;
    crowds.delete(signal);
    signal.removeEventListener("abort", crowd.tell);
  };
}

function gather(signal: AbortSignal): Crowd {
  const listeners = new Set<() => void>();
  const tell = (): void => {
    crowds.delete(signal);
    for (const listener of [...listeners]) listener();
  };
  const crowd: Crowd = { listeners, tell };
  crowds.set(signal, crowd);
  signal.addEventListener("abort", tell, { once: true });
  return crowd;
}
