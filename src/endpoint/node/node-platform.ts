import { capture } from "../../functions/node/capture.ts";
import { revive } from "../../functions/node/revive.ts";
import { EvalScope } from "../../rpc/node/eval-scope.ts";
import type { Platform } from "../platform.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

export const nodePlatform: Platform = {
  capture,
  revive,
  createScope: (names) => new EvalScope({ names }),
  onTermination(listener) {
    for (const signal of SIGNALS) process.once(signal, listener);
    return {
      [Symbol.dispose]() {
        for (const signal of SIGNALS) process.off(signal, listener);
      },
    };
  },
};
