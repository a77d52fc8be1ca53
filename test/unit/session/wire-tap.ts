import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { ChannelKind, ChannelMux } from "../../../src/session/channel-mux.ts";
import { IncomingChannel } from "../../../src/session/incoming-channel.ts";
import { ScriptedLink } from "./scripted-link.ts";
import { sessionOver } from "./session-pair.ts";

/** Looks at the bytes that each message about channels puts on the wire. */
export class WireTap {
  readonly #link = new ScriptedLink();
  readonly #session = sessionOver(this.#link);
  readonly #mux = new ChannelMux(this.#session);

  async channelConversation(): Promise<Record<string, string>> {
    const { id, channel } = this.#mux.open(ChannelKind.pipe, "chat", undefined);
    const open = this.#taken();
    void channel.send({ text: "hello" });
    const value = this.#taken();
    void channel.sendBytes(new Uint8Array([0xa2, 0x68, 0x69]));
    const bytes = this.#taken();
    channel.end();
    const end = this.#taken();
    const failing = this.#mux.open(ChannelKind.stream, "", undefined);
    this.#taken();
    failing.channel.fail("why");
    const fail = this.#taken();
    const incoming = new IncomingChannel(this.#session, 9, "recv");
    incoming.receive("large", 600 * 1024);
    incoming.tryTake();
    const credit = this.#taken();
    incoming.stop();
    const stop = this.#taken();
    await this.#session.close();
    return { open, value, bytes, end, fail, credit, stop, "id of the first channel": String(id) };
  }

  #taken(): string {
    this.#session.flush();
    return Buffer.concat(this.#link.writes.splice(0).flat()).toString("hex");
  }
}

/** The payload of a frame, written with the writer of messages. */
export function payloadOf(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter();
  write(writer);
  return writer.bytes.slice(0, writer.position);
}
