/** What a transport needs of a key: its public name and the secrets derived from it for each kind of link. */
export interface LinkKey {
  /** Short base64url text; travels in clear. */
  readonly id: string;
  /** 32 bytes: the pre-shared key of TLS. */
  readonly tlsPsk: Uint8Array;
  /** 32 bytes: proves the key over a Unix socket. */
  readonly unixAuth: Uint8Array;
}

/** A key that a server takes, under the name that its owner gave it. */
interface NamedLinkKey {
  readonly name: string;
  readonly key: LinkKey;
}

/** The key with this id, as the server's keys are now: a revoked one is not found. */
export type FindKey = (id: string) => NamedLinkKey | undefined;
