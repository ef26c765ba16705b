/** For what a process has open beside its connections. */
const SPARE = 200;

/**
 * Why a process cannot hold this many connections, and what to do about it; undefined = it can. Node raises its own
 * limit to the highest that it is allowed at start, and child processes have the same.
 */
export function openFilesShortage(connections: number): string | undefined {
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft: unknown } } };
  const limit = Number(userLimits?.open_files?.soft);
  // "unlimited", or a system that has no such limit.
  if (Number.isNaN(limit) || limit >= connections + SPARE) return undefined;
  return `${connections} connections need ${connections + SPARE} open files, and ${limit} are allowed: raise it with \`ulimit -n\` (and \`ulimit -Hn\` as root)`;
}
