/** In the child of an `AskedChild`: what answers the commands. Apart, because a child has no vitest. */
export function answerCommands(obey: (command: never) => Promise<unknown>): void {
  process.on("message", (command) => {
    obey(command as never).then(
      (answer) => process.send?.({ answer }),
      (failure: unknown) => process.send?.({ failure: String((failure as Error).stack ?? failure) }),
    );
  });
  process.on("disconnect", () => process.exit(0));
}
