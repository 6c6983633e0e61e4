import { connect } from "node:net";

/** One answer as it stood on the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: Buffer;
}

/** Sends `text`, reads to the end of the connection, and takes all of it for one answer. */
export async function rawGet(port: number, text: string): Promise<RawAnswer> {
  const bytes = await exchange(port, text, () => false);
  const [answer] = parseAnswers(bytes, 1);
  if (answer === undefined)
    throw new Error(`Cannot find an answer in ${bytes.length} bytes`);
  return answer;
}

/** GETs of all `paths` in one write; their bodies in order. */
export async function pipeline(
  port: number,
  paths: readonly string[],
): Promise<readonly Buffer[]> {
  const text = paths
    .map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
    .join("");
  const bytes = await exchange(
    port,
    text,
    (received) => parseAnswers(received, paths.length).length >= paths.length,
  );
  const answers = parseAnswers(bytes, paths.length);
  if (answers.length < paths.length)
    throw new Error(
      `Cannot find ${paths.length} answers: the connection ended after ${answers.length}`,
    );
  return answers.map(({ body }) => body);
}

/** What came until `isWhole` or the end; rejects when the connection is reset. */
function exchange(
  port: number,
  text: string,
  isWhole: (received: Buffer) => boolean,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ host: "127.0.0.1", port });
    const finish = () => {
      socket.destroy();
      resolve(Buffer.concat(chunks));
    };
    socket.on("error", reject);
    socket.on("end", finish);
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      if (isWhole(Buffer.concat(chunks))) finish();
    });
    socket.write(text, "latin1");
  });
}

/** Up to `limit` answers to GETs; a last one that is not whole is left out. */
function parseAnswers(bytes: Buffer, limit: number): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let at = 0;
  while (answers.length < limit) {
    const end = bytes.indexOf("\r\n\r\n", at);
    if (end === -1) break;
    const head = bytes.toString("latin1", at, end);
    const status = Number(head.slice(9, 12));
    const body = bodyAfter(bytes, end + 4, head);
    if (body === undefined) break;
    answers.push({ status, head, body: body.content });
    at = body.next;
  }
  return answers;
}

function bodyAfter(
  bytes: Buffer,
  from: number,
  head: string,
): { readonly content: Buffer; readonly next: number } | undefined {
  const length = /^content-length: (\d+)$/imu.exec(head)?.[1];
  if (length !== undefined) {
    const next = from + Number(length);
    return next > bytes.length
      ? undefined
      : { content: bytes.subarray(from, next), next };
  }
  if (!/^transfer-encoding: chunked$/imu.test(head))
    return { content: bytes.subarray(from), next: bytes.length };
  const pieces: Buffer[] = [];
  let at = from;
  for (;;) {
    const end = bytes.indexOf("\r\n", at);
    if (end === -1) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, end), 16);
    if (end + 2 + size + 2 > bytes.length) return undefined;
    pieces.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
    if (size === 0) return { content: Buffer.concat(pieces), next: at };
  }
}
