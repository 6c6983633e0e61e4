/** One identity of a client: `digest` with `user:password` is the usual one. */
export interface AuthEntry {
  readonly scheme: string;
  /** A string is sent as UTF-8. Never printed. */
  readonly auth: string | Uint8Array;
}
