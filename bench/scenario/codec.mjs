import { nestedObject, smallObject } from "../harness/payload.mjs";

const SLICE = 2_000;

/** One process; `mark` finds the count between two slices. */
const roles = {
  codec: {
    core: 1,
    async open({ peer, recorder, options }) {
      const { encode, decode } = await peer.codec();
      const value = options.nested ? nestedObject() : smallObject(123456);
      const step = options.decoding ? decodingStep(encode, decode, value) : () => encode(value);
      const slice = () => {
        for (let n = 0; n < SLICE; n++) step();
        recorder.count += SLICE;
        setImmediate(slice);
      };
      return { run: slice };
    },
  },
};

function decodingStep(encode, decode, value) {
  decode(Uint8Array.from(encode(value))); // a record's shape may travel with the first one only
  const bytes = Uint8Array.from(encode(value));
  if (JSON.stringify(decode(bytes)) !== JSON.stringify(value)) throw new Error("the value came back different");
  return () => decode(bytes);
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
