/**
 * The first byte of every message inside a MSG frame. The numbers never change their meaning;
 * docs/PROTOCOL.md lists the fields behind each, and test/golden holds bytes of each.
 */
export const MessageType = {
  channelOpen: 1,
  channelValue: 2,
  channelBytes: 3,
  channelCredit: 4,
  channelEnd: 5,
  channelFail: 6,
  channelStop: 7,

  call: 16,
  result: 17,
  failed: 18,
  cancel: 19,
  release: 20,

  dictWrite: 32,
  dictAcknowledge: 33,
  dictRefuse: 34,
  dictChange: 35,
  dictSnapshot: 36,

  queuePut: 48,
  queueSettled: 49,
  queueDemand: 50,
  queueItem: 51,
  queueAcknowledge: 52,
  queueReturn: 53,
  queueAsk: 54,
  queueEnd: 55,
} as const;
