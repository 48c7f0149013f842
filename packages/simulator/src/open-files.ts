/** Files, pipes and sockets that a process has open besides its connections to the broker. */
const OTHER_FILES = 100;

/** How many files this process may open; infinite where the system does not tell (Windows has no such limit). */
function openFileLimit(): number {
  // Else it would look up the name of every peer. (Node's types do not know the property yet.)
  Object.assign(process.report, { excludeNetwork: true });
  const report: unknown = process.report.getReport();
  if (typeof report !== 'object' || report === null || !('userLimits' in report)) return Number.POSITIVE_INFINITY;
  const limits = report.userLimits as Record<string, { soft: unknown; hard: unknown } | undefined>;
  // Node raises the soft limit to the hard one as it starts.
  const soft = Number(limits['open_files']?.soft);
  return Number.isNaN(soft) ? Number.POSITIVE_INFINITY : soft;
}

/** One sentence for the person at the terminal when so many connections cannot be opened, else undefined. */
export function tooManyConnections(connections: number, limit = openFileLimit()): string | undefined {
  if (connections + OTHER_FILES <= limit) return undefined;
  const most = Math.max(0, limit - OTHER_FILES);
  return (
    `${connections} connections need more open files than this process may have (${limit}): ` +
    `raise it with "ulimit -n", or run several simulators, each with its own --prefix and at most ${most} connections.`
  );
}
