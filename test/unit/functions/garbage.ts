import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { turns } from "../rpc/two-sides.ts";

/** Collects garbage until `isDone`. */
export async function collected(isDone: () => boolean | Promise<boolean>): Promise<void> {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  for (let n = 0; n < 200 && !(await isDone()); n++) {
    gc();
    await turns(2);
  }
}
