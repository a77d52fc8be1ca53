export type Speech = "tls" | "http" | "plain" | "rubbish";

const TLS_HANDSHAKE = 0x16;
const TLS_MAJOR = 3;
const CLIENT_HELLO = 1;
/** A plain Connector link opens with a frame of this kind. */
const HELLO = 1;
/** The header of a TLS record and that of the handshake message in it. */
const TLS_HEADERS = 9;
const FRAME_HEADER = 8;

/**
 * What the other side speaks, by the first bytes it has sent; undefined while they are too few to tell.
 * No two can be mistaken for each other: the third byte is 1 to 3 in TLS, a printing character in HTTP, and 0 in the
 * length of a HELLO, which is short.
 *
 * @param maxHelloBytes - a ClientHello that says it is longer is rubbish
 */
export function speechOf(head: Uint8Array, maxHelloBytes: number): Speech | undefined {
  if (head.length < 4) return undefined;
  const [a, b, c = 0, kind] = head;
  if (c === 0 && kind === HELLO) {
    if (head.length < FRAME_HEADER) return undefined;
    return head.subarray(4, FRAME_HEADER).every((byte) => byte === 0) ? "plain" : "rubbish";
  }
  if (a === TLS_HANDSHAKE && b === TLS_MAJOR && c > 0 && c <= 3) return ofTls(head, maxHelloBytes);
  return isMethod(head) ? "http" : "rubbish";
}

function ofTls(head: Uint8Array, maxHelloBytes: number): Speech | undefined {
  if (head.length < TLS_HEADERS) return undefined;
  const [, , , d = 0, e = 0, type, g = 0, h = 0, i = 0] = head;
  const recordBytes = (d << 8) | e;
  const helloBytes = (g << 16) | (h << 8) | i;
  // The message's header stands whole in the first record.
  const fits = recordBytes >= 4 && recordBytes <= maxHelloBytes && helloBytes <= maxHelloBytes;
  return type === CLIENT_HELLO && fits ? "tls" : "rubbish";
}

/** The shortest methods have three letters and then a space. */
function isMethod(head: Uint8Array): boolean {
  const isLetter = (byte: number): boolean => byte >= 0x41 && byte <= 0x5a;
  return head.subarray(0, 3).every(isLetter) && (head[3] === 0x20 || isLetter(head[3] ?? 0));
}
