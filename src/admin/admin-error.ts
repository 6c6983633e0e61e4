/** Why the admin server cannot be opened. */
export type AdminFault = "port-in-use" | "cannot-listen";

/** The admin server cannot be opened; the message names the address. */
export class AdminError extends Error {
  override readonly name = "AdminError";
  readonly code: AdminFault;

  constructor(code: AdminFault, message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
