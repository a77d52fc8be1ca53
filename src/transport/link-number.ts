const FIRST = 65_536;
const LAST = 2 ** 32 - 1;
let last = FIRST - 1;

/**
 * The number of a link that has no port: above all ports, and another for each link of this program. Its server knows the
 * link by it, as it knows those over TCP by the client's port.
 */
export function nextLinkNumber(): number {
  last = last < LAST ? last + 1 : FIRST;
  return last;
}
