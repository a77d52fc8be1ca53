import { Packr, Unpackr } from "msgpackr";

/** Records whose shapes both ends know: msgpackr at its best on one link. */
export function codec() {
  const packr = new Packr({ sequential: true });
  const unpackr = new Unpackr({ sequential: true, structures: [] });
  return { encode: (value) => packr.pack(value), decode: (bytes) => unpackr.unpack(bytes) };
}
