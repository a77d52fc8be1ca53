import { malformed } from "../core/byte-reader.ts";
import { MessageType } from "../protocol/message-types.ts";
import { readPutFields, readQuestion, readQueueOpen } from "../protocol/queue-messages.ts";
import { notAllowed } from "../security/policy.ts";
import type { Session } from "../session/session.ts";

/** For a client that may not use queues: each of its puts, gets and questions is refused, and nothing is kept of it. */
export function denyQueues(session: Session): void {
  let lastRequest = 0;
  const refuse = (): void => {
    const writer = session.begin(MessageType.queueRefused);
    writer.uint(++lastRequest);
    session.encoder.encode(writer, notAllowed("data", "using a queue"));
    session.commit();
  };
  const handedOutNothing = (): never => {
    throw malformed("no item is in the hands of this client");
  };
  session.handle({
    [MessageType.queueOpen]: (reader) => void readQueueOpen(reader),
    [MessageType.queueForget]: (reader) => void reader.uint(),
    [MessageType.queuePut]: (reader) => {
      reader.uint();
      readPutFields(reader);
      reader.passingBinary();
      refuse();
    },
    [MessageType.queueCancel]: (reader) => void reader.uint(),
    [MessageType.queueAsk]: (reader) => {
      reader.uint();
      readQuestion(reader);
      refuse();
    },
    [MessageType.queueDemand]: (reader) => {
      const handle = reader.uint();
      reader.uint();
      session.begin(MessageType.queueDeny).uint(handle);
      session.commit();
    },
    // Its credit is gone already, with the demand.
    [MessageType.queueWithdraw]: (reader) => void reader.uint(),
    [MessageType.queueAcknowledge]: handedOutNothing,
    [MessageType.queueReturn]: handedOutNothing,
  });
}
