import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { describe, expect, it } from "vitest";
import { newLinkKey } from "../fixtures/link-keys.ts";
import { fixture, Script } from "../fixtures/programs.ts";

const certificate = (name: string): string => fixture(`certificates/${name}.pem`);

describe("a man in the middle with a certificate that the client's machine trusts", () => {
  it.each([
    ["by its authority", { NODE_EXTRA_CA_CERTS: certificate("authority") }],
    [
      "and where certificates are not checked at all",
      { NODE_EXTRA_CA_CERTS: certificate("authority"), NODE_TLS_REJECT_UNAUTHORIZED: "0" },
    ],
  ])("gets no link %s", async (_, env) => {
    const impostor = createServer(
      {
        cert: readFileSync(certificate("localhost")),
        key: readFileSync(certificate("localhost-key")),
        ALPNProtocols: ["connector/1"],
      },
      (socket) => socket.on("error", () => {}),
    );
    impostor.on("tlsClientError", () => {});
    impostor.listen(0, "localhost");
    await once(impostor, "listening");
    const { port } = impostor.address() as AddressInfo;
    const { id, tlsPsk, unixAuth } = newLinkKey();
    const key = JSON.stringify({ id, tlsPsk: [...tlsPsk], unixAuth: [...unixAuth] });
    const client = new Script(fixture("trusting-client.mjs"), [`${port}`, key], false, env);
    // First the proof that the certificate is good for this host: else the refusal would show nothing.
    await client.line(/^web trusted$/);
    await client.line(/^connector CNR_ERR_NO_KEY_PROOF$/);
    expect((await client.exit).code).toBe(0);
    impostor.close();
  });
});
