import { cpus, loadavg, totalmem } from "node:os";

/** Where the figures were measured. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly platform: string;
  readonly node: string;
  /** Over the minute before the run: what else the machine was doing, per core. */
  readonly loadPerCore: number;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    loadPerCore: Math.round(((loadavg()[0] ?? 0) / processors.length) * 100) / 100,
  };
}

export function machineText({ processor, cores, memoryGiB, platform, node, loadPerCore }: Machine): string {
  return `${processor}, ${cores} cores, ${memoryGiB} GiB, ${platform}, Node ${node}, load ${loadPerCore} a core`;
}
