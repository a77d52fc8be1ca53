/** Frames as Connector's: an 8-byte header with the length of what follows, little endian, and bytes that mean nothing. */
export const HEADER_BYTES = 8;

export function frameOf(bytes) {
  const frame = Buffer.alloc(bytes);
  frame.writeUIntLE(bytes - HEADER_BYTES, 0, 3);
  return frame;
}

/** Calls `onFrame` for each whole frame that has come. */
export function eachFrame(socket, onFrame) {
  let rest;
  socket.on("data", (data) => {
    const chunk = rest ? Buffer.concat([rest, data]) : data;
    let at = 0;
    while (chunk.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + (chunk[at] | (chunk[at + 1] << 8) | (chunk[at + 2] << 16));
      if (end > chunk.length) break;
      onFrame();
      at = end;
    }
    rest = at < chunk.length ? chunk.subarray(at) : undefined;
  });
}
