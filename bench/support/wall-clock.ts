/** CPU time of this process so far, all threads, user and system, in seconds. */
export function processCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

export function wallSeconds(): number {
  return performance.now() / 1000;
}
