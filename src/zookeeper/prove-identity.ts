import { sasl } from "./operations.ts";
import { type AnyRequest, Request } from "./request.ts";
import { DigestMd5, type SaslCredentials } from "./sasl.ts";

/** Goes through SASL DIGEST-MD5 on a fresh connection; rejects where either side refuses. */
export async function proveIdentity(
  credentials: SaslCredentials,
  send: (request: AnyRequest) => void,
): Promise<void> {
  const exchange = new DigestMd5(credentials);
  // A client that has nothing to say first sends an empty token (RFC 4422 section 5).
  let token: Buffer = Buffer.alloc(0);
  for (;;) {
    const request = new Request(sasl, { token }, undefined, undefined);
    send(request);
    const step = exchange.next(await request.promise);
    if (step.kind === "done") return;
    if (step.kind === "refused") throw new Error(step.detail);
    ({ token } = step);
  }
}
