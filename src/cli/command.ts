import type { Arguments } from "./arguments.ts";
import type { CommandHelp } from "./help-text.ts";

/** What `depthcast NAME` does. */
export interface Command {
  readonly help: CommandHelp;
  /**
   * Runs it and resolves with the exit code.
   *
   * @throws DepthcastError of which the message is printed: exit code 2 for a usage error, 1 for others.
   */
  run(args: Arguments): Promise<number>;
}
