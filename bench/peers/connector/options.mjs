/** Which link the two sides have: `tcp` as the peers, without a key; `tls`; or `unix`, which is what one machine gets unasked. */
const link = process.env.BENCH_LINK;
// Nobody finds a Unix socket there.
if (link === "tls") process.env.XDG_RUNTIME_DIR = "/nowhere";

export const serverOptions = { host: "127.0.0.1", ...(link === "tcp" ? { key: false } : {}) };
export const clientOptions = link === "tcp" ? { key: false } : {};
