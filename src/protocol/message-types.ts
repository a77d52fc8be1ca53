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
  stream: 21,
  signalAbort: 22,
  signalRelease: 23,

  dictWrite: 32,
  dictAcknowledge: 33,
  dictRefuse: 34,
  dictChange: 35,
  dictSnapshot: 36,
  dictResult: 37,
  dictDeny: 38,

  queueOpen: 48,
  queueForget: 49,
  queuePut: 50,
  queueCancel: 51,
  queueAsk: 52,
  queueSettled: 53,
  queueAnswer: 54,
  queueRefused: 55,
  queueDemand: 56,
  queueWithdraw: 57,
  queueItem: 58,
  queueNothing: 59,
  queueEnd: 60,
  queueAcknowledge: 61,
  queueReturn: 62,
  queueDeny: 63,
} as const;
