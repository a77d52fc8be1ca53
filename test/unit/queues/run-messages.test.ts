import { afterEach, describe, expect, it } from "vitest";
import { CountedMessage } from "../../../src/queues/counted-message.ts";
import { RunMessage } from "../../../src/queues/run-message.ts";
import type { Session } from "../../../src/session/session.ts";
import { receivedBy, sendValue, sessionPair, turns } from "../session/session-pair.ts";

const TYPE = 201;
let sessions: Session[] = [];
afterEach(async () => {
  await Promise.all(sessions.map((session) => session.close()));
});

function pair(): { sender: Session; heard: unknown[] } {
  const [sender, receiver] = sessionPair();
  sessions = [sender, receiver];
  const heard = receivedBy(receiver);
  receiver.handle({ [TYPE]: (reader) => void heard.push([reader.uint(), reader.uint()]) });
  return { sender, heard };
}

describe("a counted message", () => {
  it("says how many in a row, in one message", async () => {
    const { sender, heard } = pair();
    const message = new CountedMessage(sender, TYPE);
    for (let n = 0; n < 5; n++) message.send(7, n > 0);
    message.send(8, false);
    message.send(8, true);
    await turns();
    expect(heard).toEqual([
      [7, 5],
      [8, 2],
    ]);
  });

  it("is a new one when something else was sent meanwhile: the order stays", async () => {
    const { sender, heard } = pair();
    const message = new CountedMessage(sender, TYPE);
    message.send(1, false);
    message.send(1, true);
    sendValue(sender, "between");
    message.send(1, true);
    message.send(1, true);
    await turns();
    expect(heard).toEqual([[1, 2], "between", [1, 2]]);
  });

  it("is a new one when the turn's messages have left", async () => {
    const { sender, heard } = pair();
    const message = new CountedMessage(sender, TYPE);
    message.send(1, false);
    sender.flush();
    message.send(1, true);
    await turns();
    message.send(1, true);
    await turns();
    expect(heard).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
  });

  it("is a new one in a later turn, even where another stands at its place", async () => {
    const { sender, heard } = pair();
    const [message, other] = [new CountedMessage(sender, TYPE), new CountedMessage(sender, TYPE)];
    message.send(1, false);
    sender.flush();
    other.send(9, false);
    message.send(1, true);
    await turns();
    expect(heard).toEqual([
      [1, 1],
      [9, 1],
      [1, 1],
    ]);
  });

  it("says every number up to the largest, and then begins anew", async () => {
    const { sender, heard } = pair();
    const message = new CountedMessage(sender, TYPE);
    for (let n = 0; n < 65_535 + 3; n++) message.send(300, n > 0);
    await turns();
    expect(heard).toEqual([
      [300, 65_535],
      [300, 3],
    ]);
  });

  it("is right also when the buffer grew between", async () => {
    const { sender, heard } = pair();
    const message = new CountedMessage(sender, TYPE);
    message.send(1, false);
    sender.begin(TYPE).string("x".repeat(50_000));
    sender.drop();
    message.send(1, true);
    await turns();
    expect(heard).toEqual([[1, 2]]);
  });
});

describe("a run message", () => {
  it("tells of numbers that follow one another at once, when the time has come", async () => {
    const { sender, heard } = pair();
    const tasks: (() => void)[] = [];
    const message = new RunMessage(sender, TYPE, (task) => void tasks.push(task));
    for (const number of [1, 2, 3]) message.add(number);
    await turns();
    expect(heard).toEqual([]);
    expect(tasks).toHaveLength(1);
    for (const task of tasks.splice(0)) task();
    message.add(4);
    for (const task of tasks.splice(0)) task();
    await turns();
    expect(heard).toEqual([
      [1, 3],
      [4, 1],
    ]);
  });

  it("tells of a gap by a message of its own, and forgets no number", async () => {
    const { sender, heard } = pair();
    const message = new RunMessage(sender, TYPE, queueMicrotask);
    for (const number of [5, 6, 9, 2, 3, 4, 4]) message.add(number);
    await turns();
    expect(heard).toEqual([
      [5, 2],
      [9, 1],
      [2, 3],
      [4, 1],
    ]);
  });

  it("is silent when the session has ended", async () => {
    const { sender, heard } = pair();
    const message = new RunMessage(sender, TYPE, queueMicrotask);
    message.add(1);
    await sender.close();
    message.add(5);
    await turns();
    expect(heard).toEqual([]);
  });
});
