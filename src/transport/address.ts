import { failure } from "../core/errors.ts";
import type { Address } from "./transport.ts";

export function addressOf(host: string, port: number, family?: string): Address {
  const isV6 = family === "IPv6" || host.includes(":");
  return {
    host,
    port,
    family: isV6 ? "IPv6" : "IPv4",
    toString: () => hostAndPort(host, port),
  };
}

export function hostAndPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

export function urlOf(address: Address): string {
  return `connector://${address.toString()}`;
}

export interface Target {
  readonly host: string;
  readonly port: number;
}

/** What `connect` takes: host and port, a URL, "host:port", or an address. */
export function targetOf(where: string | Target, port?: number): Target {
  if (typeof where === "object" && where !== null) return checked(where.host, where.port, where);
  if (port !== undefined) return checked(where, port, `${where}:${port}`);
  const match = /^(?:connector:\/\/)?(?:\[([^\]]+)\]|([^/:?#[\]]+)):(\d+)\/?(?:#.*)?$/.exec(where);
  if (!match) throw badAddress(where);
  return checked(match[1] ?? match[2] ?? "", Number(match[3]), where);
}

/** The IPv4 address that stands in IPv6 clothes where a socket listens for both; others as they are. */
export function unmappedHost(host: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1] ?? host;
}

export function isLoopback(host: string): boolean {
  return (
    host === "localhost" || host === "::1" || host === "::ffff:127.0.0.1" || /^127\.\d+\.\d+\.\d+$/.test(host)
  );
}

function checked(host: string, port: number, given: unknown): Target {
  const isPort = Number.isInteger(port) && port > 0 && port < 65_536;
  if (typeof host !== "string" || /^$|[#/@]/.test(host) || !isPort) throw badAddress(given);
  return { host, port };
}

function badAddress(given: unknown): Error {
  // Behind the # of a URL stands a key, and somebody may have given the key alone.
  const text = typeof given === "string" ? given : (JSON.stringify(given) ?? String(given));
  const address = text.replace(/#.*/s, "").replace(/cnk_[\w-]*/g, "cnk_...");
  return failure("CNR_ERR_BAD_ADDRESS", { address });
}
