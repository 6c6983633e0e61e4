/** `::ffff:127.0.0.1`, as a dual-stack socket tells it, is 127.0.0.1. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".")
    ? address.slice(7)
    : address;
}
