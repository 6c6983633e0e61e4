import { Socket } from "node:net";

/**
 * Entry of a process of a moment: it sends back the descriptors it was started
 * with, which makes copies of them in the one that started it. Node has no other
 * way to copy one.
 */

/** After stdin, stdout, stderr and the process. */
const FIRST_DESCRIPTOR = 4;

// Who started this one disconnects when all have come; that ends it.
process.on("message", () => {});
const count = Number(process.argv[2]);
for (let index = 0; index < count; index++) {
  // `manualStart` is not in the types: nothing shall be read, or accepted, here.
  const options: object = { fd: FIRST_DESCRIPTOR + index, manualStart: true };
  const inside = new Socket(options) as unknown as { _handle: Socket }; // a handle is sent as it is
  process.send?.({ index }, inside._handle);
}
