import type { ByteWriter } from "../../../src/core/byte-writer.ts";
import { MessageType } from "../../../src/protocol/message-types.ts";
import {
  PLAIN_PUT,
  type QueueSpace,
  writePutFields,
  writeQueueOpen,
} from "../../../src/protocol/queue-messages.ts";
import type { Session } from "../../../src/session/session.ts";

/** Sends one message, right or wrong. */
export function write(session: Session, type: number, fields: (writer: ByteWriter) => void): void {
  fields(session.begin(type));
  session.commit();
}

export function writeOpen(session: Session, handle: number, name: string, space: QueueSpace = 1): void {
  write(session, MessageType.queueOpen, (writer) => writeQueueOpen(writer, { handle, space, name }));
}

export function writePut(session: Session, handle: number, body: Uint8Array): void {
  write(session, MessageType.queuePut, (writer) => {
    writePutFields(writer, handle, PLAIN_PUT);
    writer.binary(body);
  });
}

export function writeUints(session: Session, type: number, ...fields: number[]): void {
  write(session, type, (writer) => {
    for (const field of fields) writer.uint(field);
  });
}

/** What the server said about queues, message by message: a type and numbers. */
export function ignoreQueues(session: Session): number[][] {
  const heard: number[][] = [];
  const hear = (type: number, count: number): void => {
    session.handle({
      [type]: (reader) => void heard.push([type, ...Array.from({ length: count }, () => reader.uint())]),
    });
  };
  hear(MessageType.queueSettled, 2);
  hear(MessageType.queueAnswer, 2);
  hear(MessageType.queueNothing, 1);
  hear(MessageType.queueEnd, 1);
  session.handle({
    [MessageType.queueItem]: (reader) => {
      heard.push([MessageType.queueItem, reader.uint()]);
      reader.binary();
    },
    [MessageType.queueRefused]: (reader) => {
      heard.push([MessageType.queueRefused, reader.uint()]);
      session.decoder.decode(reader);
    },
  });
  return heard;
}
