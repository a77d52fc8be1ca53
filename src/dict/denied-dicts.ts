import { BytePages } from "../core/byte-pages.ts";
import { malformed } from "../core/byte-reader.ts";
import { DictSpace, readDictWrite } from "../protocol/dict-messages.ts";
import { MessageType } from "../protocol/message-types.ts";
import type { Session } from "../session/session.ts";

/**
 * For a client that may not use dicts: it is told so where it waits for the snapshot, and gets nothing of either. What it has
 * written before it knew is dropped on both sides.
 */
export function denyDicts(session: Session): void {
  const pages = new BytePages();
  session.handle({
    [MessageType.dictWrite]: (reader) => {
      const space = reader.uint();
      if (space !== DictSpace.local && space !== DictSpace.global) throw malformed("an unknown dict");
      readDictWrite(reader, pages);
    },
  });
  for (const space of [DictSpace.local, DictSpace.global]) {
    session.begin(MessageType.dictDeny).uint(space);
    session.commit();
  }
}
