/**
 * What can go wrong with the registry, and what a caller may do: `never` needs
 * an operator, `later` may pass by itself.
 */
export const REGISTRY_FAULTS = {
  "bad-name": { retry: "never" },
  "bad-value": { retry: "never" },
  "name-taken": { retry: "later" },
  "not-allowed": { retry: "never" },
  "stood-down": { retry: "never" },
  closed: { retry: "never" },
} as const satisfies Record<string, { readonly retry: "never" | "later" }>;

export type RegistryFault = keyof typeof REGISTRY_FAULTS;

/** The only error class of this room; `code` says what happened. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
  readonly code: RegistryFault;
  /** The znode it is about. */
  readonly path: string | undefined;

  constructor(
    code: RegistryFault,
    message: string,
    options: { readonly path?: string; readonly cause?: unknown } = {},
  ) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.path = options.path;
  }

  get retry(): "never" | "later" {
    return REGISTRY_FAULTS[this.code].retry;
  }
}
