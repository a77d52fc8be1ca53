import type { Loose } from "../core/loose.ts";

export type { Loose };

/**
 * What an application shares, in one type argument for `Server` and `Client`. Every part may be left out; what is
 * left out is loose.
 *
 * @example
 * interface App {
 *   vars: { progress: number };
 *   queues: { jobs: { id: number } };
 *   serverFunctions: { add(a: number, b: number): number };
 * }
 * const client = new Client<App>();
 */
export interface AppSchema {
  vars?: object;
  pipe?: { toServer: unknown; toClient: unknown };
  pipes?: object;
  queues?: object;
  globals?: { vars?: object; queues?: object };
  serverFunctions?: object;
  clientFunctions?: object;
}

/** Members of any name and type. */
export type LooseRecord = Record<string, Loose>;

type Part<App, Name extends string> = App extends { readonly [Key in Name]: infer Value extends object }
  ? Value
  : LooseRecord;

export type VarsOf<App> = Part<App, "vars">;
export type QueuesOf<App> = Part<App, "queues">;
export type GlobalVarsOf<App> = Part<Part<App, "globals">, "vars">;
export type GlobalQueuesOf<App> = Part<Part<App, "globals">, "queues">;

/** Which of the two programs looks: what one sends, the other receives. */
export type Side = "client" | "server";

type Direction<Ways, Name extends "toServer" | "toClient"> = Ways extends {
  readonly [Key in Name]: infer Value;
}
  ? Value
  : Loose;
export type Incoming<Ways, S extends Side> = Direction<Ways, S extends "client" ? "toClient" : "toServer">;
export type Outgoing<Ways, S extends Side> = Direction<Ways, S extends "client" ? "toServer" : "toClient">;
export type PipeOf<App> = Part<App, "pipe">;
export type PipesOf<App> = Part<App, "pipes">;

/** The functions that the other side has. */
export type RemoteFunctionsOf<App, S extends Side> = Part<
  App,
  S extends "client" ? "serverFunctions" : "clientFunctions"
>;

/** The functions that this side has for the other. */
export type OwnFunctionsOf<App, S extends Side> = RemoteFunctionsOf<
  App,
  S extends "client" ? "server" : "client"
>;
