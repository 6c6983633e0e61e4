import { execFile } from "node:child_process";

/** What git says of a directory. */
export interface GitState {
  /** Hash of the commit that is checked out. */
  readonly commit: string;
  /** Nothing in the directory differs from that commit, untracked files included. */
  readonly clean: boolean;
}

/** Undefined outside a checkout, without git, or when it takes longer than 5 s. */
export async function readGitState(
  directory: string,
): Promise<GitState | undefined> {
  const commit = await git(directory, ["rev-parse", "--verify", "HEAD"]);
  if (commit === undefined) return undefined;
  const changes = await git(directory, ["status", "--porcelain", "--", "."]);
  if (changes === undefined) return undefined;
  return { commit: commit.trim(), clean: changes === "" };
}

/** `<hash>`, or `<hash>-dirty` where the directory differs from the commit. */
export function commitLabel(state: GitState | undefined): string | undefined {
  if (state === undefined) return undefined;
  return state.clean ? state.commit : `${state.commit}-dirty`;
}

function git(
  directory: string,
  given: readonly string[],
): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(
      "git",
      // No locks: a look must not get in the way of the owner's own git.
      ["--no-optional-locks", ...given],
      { cwd: directory, timeout: 5_000, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout) => resolve(error === null ? stdout : undefined),
    );
  });
}
