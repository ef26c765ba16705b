/** To a process that keeps a log's files (`keeper-child.ts`). Here, because a child has no vitest. */
export type KeeperCommand =
  | { readonly op: "open"; readonly path: string }
  /** Records with the numbers from `from` up to `to`, without it, in one commit. */
  | { readonly op: "append"; readonly from: number; readonly to: number }
  | { readonly op: "probe" }
  | { readonly op: "close" };

export interface KeeperAnswer {
  readonly endIndex: number;
  readonly fault: string | undefined;
  /** Why the command was refused. */
  readonly refusal: string | undefined;
}
