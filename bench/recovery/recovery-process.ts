import { snapshotFolderPath, SnapshotFolder } from "../../src/log/snapshot/snapshot-folder.ts";
import { startServer } from "../../src/runtime/server.ts";
import { openSqliteLog } from "../../src/runtime/threads/log-worker.ts";
import { answerCommands } from "../support/child-process.ts";

/** A server in a process of its own that is started once, cold, as after a crash. */

export interface RecoveryStart {
  readonly path: string;
  readonly gateways: number;
  /** Whether book snapshots are used, and where there is none, one is taken. */
  readonly snapshots: boolean;
}

export interface Recovered {
  /** From the opening of the log until the server listens. */
  readonly seconds: number;
  readonly hashes: ReadonlyMap<string, string>;
}

export interface RecoveryCommands {
  recover(): Promise<Recovered>;
  /** Resolves when there is a snapshot. */
  snapshotTaken(): Promise<void>;
  stop(): Promise<void>;
}

answerCommands<RecoveryCommands>(async ({ path, gateways, snapshots }: RecoveryStart) => {
  const anyPort = { host: "127.0.0.1", port: 0 };
  const folder = snapshotFolderPath(path);
  const start = async () =>
    startServer({
      grpc: anyPort,
      http: anyPort,
      gateways,
      log: await openSqliteLog({ path }),
      ...(snapshots && { snapshots: folder }),
      limits: { snapshotEveryBatches: 1 },
    });
  let server: Awaited<ReturnType<typeof start>> | undefined;
  return {
    async recover() {
      const startedMs = performance.now();
      server = await start();
      const seconds = (performance.now() - startedMs) / 1000;
      return { seconds, hashes: await server.stateHashes() };
    },
    async snapshotTaken() {
      while ((await new SnapshotFolder(folder).list()).length === 0) {
        await new Promise((resolve) => {
          setTimeout(resolve, 20);
        });
      }
    },
    stop: async () => server?.stop(),
  };
});
