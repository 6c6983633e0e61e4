import { isIP } from "node:net";

/** Whether a text is an IP address, or one with the length of its prefix: a network. */
export function isNetwork(text: string): boolean {
  const [ip = "", prefix, ...more] = text.split("/");
  const family = isIP(ip);
  if (family === 0 || more.length > 0) return false;
  if (prefix === undefined) return true;
  return (
    /^\d{1,3}$/u.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128)
  );
}
