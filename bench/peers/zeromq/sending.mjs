/** A zeromq socket takes one `send` at a time: this gives it the next when it is ready. */
export function oneSendAtATime(socket) {
  const waiting = [];
  let isSending = false;
  return async (parts) => {
    waiting.push(parts);
    if (isSending) return;
    isSending = true;
    for (let n = 0; n < waiting.length; n++) await socket.send(waiting[n]);
    waiting.length = 0;
    isSending = false;
  };
}
