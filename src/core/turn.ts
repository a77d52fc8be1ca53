type Schedule = (task: () => void) => void;

const nextTick = (globalThis as { process?: { nextTick?: Schedule } }).process?.nextTick;

/**
 * Runs a task when the current turn of the event loop has done its work, before any input is read.
 * Node's nextTick runs after all pending microtasks, so long promise chains still share one write; browsers have only microtasks.
 */
export const endOfTurn: Schedule = nextTick ?? ((task) => queueMicrotask(task));
