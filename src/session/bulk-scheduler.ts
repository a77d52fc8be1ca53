import { RingBuffer } from "../core/ring-buffer.ts";
import { endOfTurn } from "../core/turn.ts";
import { dataHeader } from "../protocol/bulk-frames.ts";
import { ACK_NOW } from "../protocol/frame.ts";
import type { BulkSender } from "./bulk-sender.ts";
import type { BulkWindow } from "./bulk-window.ts";

/** What carries the frames: a session. */
export interface FrameCarrier {
  readonly sentFrames: number;
  /** There is no link, or too much waits for it: `onDrain` tells of another chance. */
  readonly isSaturated: boolean;
  readonly ended: Error | undefined;
  /** Sends the messages that wait. */
  flush(): void;
  sendFrames(chunks: Uint8Array[], count: number): void;
}

/** Whose bytes go next: messages first, then the channels in turns, a piece each, as far as the window is open. */
export class BulkScheduler {
  readonly window: BulkWindow;
  readonly #carrier: FrameCarrier;
  readonly #onEnd: (sender: BulkSender) => void;
  readonly #line = new RingBuffer<BulkSender>();
  #isScheduled = false;

  /** @param onEnd - hears of a sender that has sent its last */
  constructor(carrier: FrameCarrier, onEnd: (sender: BulkSender) => void, window: BulkWindow) {
    this.#carrier = carrier;
    this.#onEnd = onEnd;
    this.window = window;
  }

  /** A sender has something to send. */
  add(sender: BulkSender): void {
    if (!sender.isInLine) {
      sender.isInLine = true;
      this.#line.push(sender);
    }
    this.schedule();
  }

  acknowledged(frames: number): void {
    if (this.window.acknowledged(frames)) this.schedule();
  }

  /** Sends at the end of the turn, so that the messages of the turn go before. */
  schedule(): void {
    if (this.#isScheduled || this.#line.size === 0) return;
    this.#isScheduled = true;
    endOfTurn(this.#pump);
  }

  clear(): void {
    this.#line.clear();
  }

  readonly #pump = (): void => {
    this.#isScheduled = false;
    const carrier = this.#carrier;
    if (carrier.ended) return;
    carrier.flush();
    if (carrier.isSaturated) return;
    const chunks: Uint8Array[] = [];
    let count = 0;
    while (this.window.hasRoom) {
      const sender = this.#line.shift();
      if (!sender) break;
      const bytes = sender.take(this.window.chunkBytes);
      if (bytes) {
        count++;
        const isUrgent = this.window.sent(carrier.sentFrames + count, bytes.length);
        chunks.push(dataHeader(sender.id, bytes.length, isUrgent ? ACK_NOW : 0), bytes);
      }
      const end = sender.takeEnd();
      if (end) {
        count++;
        chunks.push(end);
        this.#onEnd(sender);
      }
      sender.isInLine = sender.isReady;
      if (sender.isInLine) this.#line.push(sender);
    }
    if (count > 0) carrier.sendFrames(chunks, count);
  };
}
