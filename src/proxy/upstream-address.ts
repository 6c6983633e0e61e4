/** Where a target is reached. */
export interface UpstreamAddress {
  readonly host: string;
  readonly port: number;
  readonly socketPath: string | undefined;
  /** As registered; its scheme decides whether TLS is spoken. */
  readonly url?: string;
}
