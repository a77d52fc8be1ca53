import { BytePages } from "../core/byte-pages.ts";
import { malformed } from "../core/byte-reader.ts";
import { DictSpace, readDictWrite } from "../protocol/dict-messages.ts";
import { MessageType } from "../protocol/message-types.ts";
import type { Session } from "../session/session.ts";
import type { DictAuthority, Membership } from "./dict-authority.ts";
import { SessionDownlink } from "./session-downlink.ts";

/** What a session's replicas are replicas of. */
export interface LinkedAuthorities {
  /** Makes the session's own authority; called once at most. */
  readonly local: () => DictAuthority;
  readonly global: DictAuthority;
  /** False: what the replicas write with a function in it is refused. Left out: true. */
  readonly mayBringCode?: boolean | undefined;
}

export interface AuthorityLink {
  /** The authority of the dict that the two sides of this session share, made and joined when first asked for. */
  readonly local: DictAuthority;
}

/**
 * The authorities of one side of a session, whose replicas are at the other. The global one is joined now; the local one
 * when either side first uses it, and closed with the session.
 */
export function linkAuthorities(session: Session, authorities: LinkedAuthorities): AuthorityLink {
  const { mayBringCode } = authorities;
  const global = authorities.global.join(new SessionDownlink(session, DictSpace.global), mayBringCode);
  let local: { readonly authority: DictAuthority; readonly membership: Membership } | undefined;
  const useLocal = (): { readonly authority: DictAuthority; readonly membership: Membership } => {
    if (!local) {
      const authority = authorities.local();
      const membership = authority.join(new SessionDownlink(session, DictSpace.local), mayBringCode);
      local = { authority, membership };
      if (session.ended) authority.close(session.ended);
    }
    return local;
  };
  const pages = new BytePages();
  session.handle({
    [MessageType.dictWrite]: (reader) => {
      const space = reader.uint();
      if (space !== DictSpace.local && space !== DictSpace.global) throw malformed("an unknown dict");
      const membership = space === DictSpace.global ? global : useLocal().membership;
      membership.write(readDictWrite(reader, pages));
    },
  });
  // Whoever gets another message sees all that was written before what caused it.
  session.beforeMessage = () => {
    global.catchUp();
    local?.membership.catchUp();
  };
  session.onDrain(() => {
    global.catchUp();
    local?.membership.catchUp();
  });
  session.onEnd((reason) => {
    global[Symbol.dispose]();
    local?.membership[Symbol.dispose]();
    local?.authority.close(reason);
  });
  return {
    get local() {
      return useLocal().authority;
    },
  };
}
