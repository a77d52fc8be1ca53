import { Gate, type Side, type TwoSides, turns } from "./two-sides.ts";

/** Exposes `watch`, which keeps what it is given and waits at its gate. */
export function watcher(side: Side): { given: unknown[]; gate: Gate } {
  const given: unknown[] = [];
  const gate = new Gate();
  side.expose({
    watch: async (...args: unknown[]) => {
      given.push(...args);
      await gate.passed;
    },
  });
  return { given, gate };
}

/** Calls `watch` with one signal, and gives the one that arrived. */
export async function watched(
  sides: TwoSides,
  signal: AbortSignal,
): Promise<{
  sides: TwoSides;
  remote: AbortSignal;
  finish: () => Promise<void>;
}> {
  const { given, gate } = watcher(sides.server);
  const call = sides.client.call("watch", [signal]);
  await turns();
  const finish = async (): Promise<void> => {
    gate.open();
    await call;
    await turns();
  };
  return { sides, remote: given[0] as AbortSignal, finish };
}
