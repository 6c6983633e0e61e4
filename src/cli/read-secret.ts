const MAX_BYTES = 512;
const NEW_LINE = 0x0a;
const RETURN = 0x0d;
const INTERRUPT = 0x03;
const END = 0x04;
const DELETE = 0x7f;
const BACKSPACE = 0x08;

/**
 * One line of stdin as bytes, without its end. On a terminal `prompt` is shown
 * on stderr and what is typed is not.
 * @throws Error when it is too long, or the user gives up
 */
export async function readSecret(prompt: string): Promise<Buffer> {
  const { stdin } = process;
  if (!stdin.isTTY) return readLine(stdin);
  process.stderr.write(prompt);
  stdin.setRawMode(true);
  try {
    return checked(await readTyped(stdin));
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    process.stderr.write("\n");
  }
}

async function readLine(stdin: AsyncIterable<Buffer>): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of stdin) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.includes(NEW_LINE) || bytes.length > MAX_BYTES) break;
  }
  const newLine = bytes.indexOf(NEW_LINE);
  const line = newLine < 0 ? bytes : bytes.subarray(0, newLine);
  const end = line.at(-1) === RETURN ? line.length - 1 : line.length;
  return checked(line.subarray(0, end));
}

/** Keys as they come; what follows Return in one piece is not read. */
function readTyped(stdin: NodeJS.ReadStream): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const typed: number[] = [];
    const onData = (chunk: Buffer) => {
      for (const code of chunk) {
        const isEnd = code === NEW_LINE || code === RETURN || code === END;
        if (isEnd || code === INTERRUPT) {
          stdin.off("data", onData);
          if (isEnd) resolve(Buffer.from(typed));
          else reject(new Error("Cannot go on: it was interrupted"));
          return;
        }
        if (code === DELETE || code === BACKSPACE) rubOut(typed);
        else typed.push(code);
      }
    };
    stdin.on("data", onData);
    stdin.resume();
  });
}

/** The last character, all of its bytes in UTF-8. */
function rubOut(typed: number[]): void {
  let code = typed.pop();
  while (code !== undefined && (code & 0xc0) === 0x80) code = typed.pop();
}

function checked(secret: Buffer): Buffer {
  if (secret.length > MAX_BYTES)
    throw new Error(`Cannot take a password of more than ${MAX_BYTES} bytes`);
  return secret;
}
