import { nestedObject, smallObject } from "../harness/payload.mjs";

const SLICE = 2_000;
const SIGHTINGS = 100;

/** One process; `mark` finds the count between two slices. */
const roles = {
  codec: {
    core: 1,
    async open({ peer, recorder, options }) {
      const { encode, decode } = await peer.codec();
      const value = options.nested ? nestedObject() : smallObject(123456);
      const { bytes, check } = repeatable(encode, decode, value);
      const step = options.decoding ? () => decode(bytes) : () => encode(value);
      const slice = () => {
        for (let n = 0; n < SLICE; n++) step();
        check();
        recorder.count += SLICE;
        setImmediate(slice);
      };
      return { run: slice };
    },
  },
};

/**
 * Bytes that may be decoded over and over: an encoder defines a shape the first times it meets one, and such a
 * definition must be read exactly once. `check` is asked again after every slice.
 */
function repeatable(encode, decode, value) {
  for (let n = 0; n < SIGHTINGS; n++) decode(Uint8Array.from(encode(value)));
  const bytes = Uint8Array.from(encode(value));
  const expected = JSON.stringify(value);
  const check = () => {
    if (JSON.stringify(decode(bytes)) !== expected) throw new Error("the value came back different");
  };
  for (let n = 0; n < SIGHTINGS; n++) check();
  return { bytes, check };
}

const codec = (name, what, options) => ({
  name: `codec-${name}`,
  title: `codec: ${what}`,
  unit: "/s",
  kind: "codec",
  roles,
  counts: "codec",
  options,
  peers: ["connector", "msgpackr"],
  goals: {},
});

export const scenarios = [
  codec("encode-small", "encode a small object", { decoding: false, nested: false }),
  codec("decode-small", "decode a small object", { decoding: true, nested: false }),
  codec("encode-1k", "encode 1 KB nested", { decoding: false, nested: true }),
  codec("decode-1k", "decode 1 KB nested", { decoding: true, nested: true }),
];
