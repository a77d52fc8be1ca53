import { collectGarbage } from "../../fixtures/heap.ts";
import { turns } from "../rpc/two-sides.ts";

/** Collects garbage until `isDone`. */
export async function collected(isDone: () => boolean | Promise<boolean>): Promise<void> {
  for (let n = 0; n < 200 && !(await isDone()); n++) {
    collectGarbage();
    await turns(2);
  }
}
