/**
 * Every failure that Connector reports, in one table: programs test the code, which never changes;
 * people read the text, which may improve. docs/ERRORS.md lists the same codes, and a test holds the two together.
 * `{name}` in a text is filled from the error's details. `retryable` means: the same call may succeed later, unchanged.
 */
export type ErrorKind =
  | "connection"
  | "handshake"
  | "authentication"
  | "permission"
  | "timeout"
  | "cancelled"
  | "limit"
  | "protocol"
  | "codec"
  | "transfer"
  | "queue"
  | "lease"
  | "store"
  | "remote";

export interface ErrorCodeEntry {
  readonly kind: ErrorKind;
  readonly retryable: boolean;
  readonly text: string;
}

export const ERROR_CODES = {
  CNR_ERR_REFUSED: {
    kind: "connection",
    retryable: true,
    text: "nobody listens at {address}: start the server first, or check host and port",
  },
  CNR_ERR_HOST_UNKNOWN: {
    kind: "connection",
    retryable: true,
    text: 'the host "{host}" cannot be resolved: check its spelling and the name service',
  },
  CNR_ERR_UNREACHABLE: {
    kind: "connection",
    retryable: true,
    text: "{address} cannot be reached ({reason}): check the network between here and there",
  },
  CNR_ERR_ADDRESS_IN_USE: {
    kind: "connection",
    retryable: true,
    text: "{host}:{port} is already in use: stop the other program, or leave the port out for a free one",
  },
  CNR_ERR_ADDRESS_UNAVAILABLE: {
    kind: "connection",
    retryable: false,
    text: "cannot listen at {host}:{port} ({reason}): use an address of this machine and a port you may open",
  },
  CNR_ERR_LOOPBACK_ONLY: {
    kind: "connection",
    retryable: false,
    text: "{host} is not a loopback address: without encryption Connector listens and connects on this machine only (use 127.0.0.1)",
  },
  CNR_ERR_BAD_ADDRESS: {
    kind: "connection",
    retryable: false,
    text: '"{address}" is not an address: give host and port, "connector://host:port" or server.address',
  },
  CNR_ERR_NOT_CONNECTED: {
    kind: "connection",
    retryable: false,
    text: "not connected: call connect() first and await it",
  },
  CNR_ERR_CLOSED: {
    kind: "connection",
    retryable: false,
    text: "the link was closed by {by}",
  },
  CNR_ERR_LINK_LOST: {
    kind: "connection",
    retryable: true,
    text: "the link was lost ({reason})",
  },
  CNR_ERR_HEARTBEAT: {
    kind: "connection",
    retryable: true,
    text: "the other side gave no sign of life for {silentMs} ms: its process hangs, or the network is down",
  },
  CNR_ERR_SESSION_LOST: {
    kind: "connection",
    retryable: true,
    text: "the session was lost for good ({reason})",
  },
  CNR_ERR_NOT_CONNECTOR: {
    kind: "handshake",
    retryable: false,
    text: "what is at {address} does not speak Connector (it answered {answer}): check the port",
  },
  CNR_ERR_VERSION: {
    kind: "handshake",
    retryable: false,
    text: "the other side speaks protocol version {theirs}, this side {ours}: install the same major version of tcp-connector on both",
  },
  CNR_ERR_HANDSHAKE_REFUSED: {
    kind: "handshake",
    retryable: true,
    text: "the server refused the link: {reason}",
  },
  CNR_ERR_KEY_WEAK: {
    kind: "authentication",
    retryable: false,
    text: "{source} is no key but something that can be guessed: make one with `npx tcp-connector key new` and give it to both sides",
  },
  CNR_ERR_KEY_MALFORMED: {
    kind: "authentication",
    retryable: false,
    text: "{source} is a damaged key: `cnk_` and 43 letters, digits, `-` and `_` are needed; copy it again (`npx tcp-connector key` prints it on the machine that has it), or make one with `npx tcp-connector key new`",
  },
  CNR_ERR_KEY_MISSING: {
    kind: "authentication",
    retryable: false,
    text: "there is no key for this server: copy the server's key into {path} (`npx tcp-connector key` prints it there), or set the environment variable CONNECTOR_KEY, or connect with the text that `server.inviteUrl()` gives or the option `key`",
  },
  CNR_ERR_KEY_FILE: {
    kind: "authentication",
    retryable: false,
    text: "the key file {path} is not used, because {reason}: {repair}",
  },
  CNR_ERR_WRONG_KEY: {
    kind: "authentication",
    retryable: false,
    text: "this side and {address} do not have the same key: copy the server's key to the client (`npx tcp-connector key` prints it)",
  },
  CNR_ERR_UNKNOWN_KEY: {
    kind: "authentication",
    retryable: false,
    text: "the key {id} of the link with {address} is not one that the server knows: copy the server's key to the client (`npx tcp-connector key` prints it), or add this one to the server's `keys`",
  },
  CNR_ERR_KEY_REVOKED: {
    kind: "authentication",
    retryable: false,
    text: "the server no longer takes the key of this link: ask who runs it for another one",
  },
  CNR_ERR_NO_KEY_PROOF: {
    kind: "authentication",
    retryable: false,
    text: "{address} does not prove that it has the key: it {found}; check host and port, and whether somebody stands between",
  },
  CNR_ERR_KEYLESS: {
    kind: "authentication",
    retryable: false,
    text: "one side of the link with {address} runs without a key, the other with one: give both a key, or both `key: false`",
  },
  CNR_ERR_RUN_FOLDER: {
    kind: "authentication",
    retryable: false,
    text: "the folder of Unix sockets {path} is not used, because {reason}: local clients come over TLS instead; `chmod 700` it, or remove it",
  },
  CNR_ERR_NOT_ALLOWED: {
    kind: "permission",
    retryable: false,
    text: '{what} needs the grant "{grant}", which is missing: the program that refuses gives it by its option `allow`, to a named key in its `keys`',
  },
  CNR_ERR_TIMEOUT: {
    kind: "timeout",
    retryable: true,
    text: "{what} did not finish within {timeoutMs} ms",
  },
  CNR_ERR_CONNECT_TIMEOUT: {
    kind: "timeout",
    retryable: true,
    text: "{address} accepted no Connector link within {timeoutMs} ms: it hangs, is overloaded, or a firewall drops packets",
  },
  CNR_ERR_CANCELLED: {
    kind: "cancelled",
    retryable: false,
    text: "{what} was cancelled",
  },
  CNR_ERR_VALUE_TOO_LARGE: {
    kind: "limit",
    retryable: false,
    text: "the value takes {bytes} bytes, the limit is {max}: raise `limits.{option}` on both sides, or send it in parts",
  },
  CNR_ERR_TOO_DEEP: {
    kind: "limit",
    retryable: false,
    text: "the value is nested more than {max} levels deep: flatten it, or raise `limits.maxDepth` on both sides",
  },
  CNR_ERR_TOO_COMPLEX: {
    kind: "limit",
    retryable: false,
    text: "the value has more than {max} objects, arrays and the like: send it in parts, or as binary data",
  },
  CNR_ERR_TOO_MANY: {
    kind: "limit",
    retryable: true,
    text: "too many {what}, the limit is {max}: wait for some to end, or raise `limits.{option}`",
  },
  CNR_ERR_PROTOCOL: {
    kind: "protocol",
    retryable: false,
    text: "the other side broke the protocol: {reason}",
  },
  CNR_ERR_UNSENDABLE: {
    kind: "codec",
    retryable: false,
    text: "{path} cannot be sent: {reason}",
  },
  CNR_ERR_UNDECODABLE: {
    kind: "codec",
    retryable: false,
    text: "the received bytes are not a value: {reason}",
  },
  CNR_ERR_CAPTURES: {
    kind: "codec",
    retryable: false,
    text: "{path} cannot travel: it uses {names} of the code around it; pass them as arguments, or use only arguments and globals",
  },
  CNR_ERR_QUEUE_CLOSED: {
    kind: "queue",
    retryable: false,
    text: 'the queue "{queue}" is closed',
  },
  CNR_ERR_LEASE_LOST: {
    kind: "lease",
    retryable: false,
    text: "the lease of this item is gone: it was given to somebody else, settled or cleared",
  },
  CNR_ERR_CONFLICT: {
    kind: "store",
    retryable: true,
    text: '"{key}" has changed: read it again before you write',
  },
  CNR_ERR_NOT_A_NUMBER: {
    kind: "store",
    retryable: false,
    text: '"{key}" holds {found}: only a number can be incremented',
  },
  CNR_ERR_STORE_CLOSED: {
    kind: "store",
    retryable: false,
    text: "the store is closed",
  },
  CNR_ERR_STORE_FORMAT: {
    kind: "store",
    retryable: false,
    text: "the stored data has format version {found}, this program reads {known}: use the version of tcp-connector that wrote it, or newer",
  },
  CNR_ERR_STORE_CORRUPT: {
    kind: "store",
    retryable: false,
    text: "the stored data is damaged: {reason}",
  },
  CNR_ERR_REMOTE: {
    kind: "remote",
    retryable: false,
    text: "the other side failed: {reason}",
  },
  CNR_ERR_UNKNOWN_FUNCTION: {
    kind: "remote",
    retryable: false,
    text: 'the other side exposes no function "{name}"{hint}',
  },
  CNR_ERR_RELEASED: {
    kind: "remote",
    retryable: false,
    text: "this callback is no longer held by its owner: keep it with keep(callback) while the call that brought it runs",
  },
} as const satisfies Readonly<Record<string, ErrorCodeEntry>>;

export type ErrorCode = keyof typeof ERROR_CODES;
