/** The type of what a program did not declare: it may then be written as in the Python original. */
// biome-ignore lint/suspicious/noExplicitAny: loose on purpose, so that `server.vars.list[0] + 1` compiles
export type Loose = any;

/** Whether a type is `any`: `1 & any` is `any`, which everything extends. */
export type IsAny<T> = 0 extends 1 & T ? true : false;

/** Whether a type has members of any name and type. A view on it is loose itself, or strict compilers would refuse `queues.tasks.get()`. */
export type HasAnyMember<T> = string extends keyof T ? IsAny<T[keyof T]> : false;
