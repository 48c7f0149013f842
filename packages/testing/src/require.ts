/**
 * What a test needs from the machine and may not find there. Returns what was found. When it was not: undefined, and one visible
 * line, after which the caller skips; with `REQUIRE_ALL=1` (continuous integration) it throws instead, so that a skip is never silent.
 *
 *     const mosquitto = requireOrSkip(findProgram('mosquitto'), 'mosquitto');
 *     describe.skipIf(mosquitto === undefined)('an outside broker', () => { … });
 */
export function requireOrSkip<Found>(found: Found | undefined, what: string): Found | undefined {
  if (found !== undefined) return found;
  if (process.env['REQUIRE_ALL'] === '1') throw new Error(`REQUIRE_ALL=1, but ${what} was not found on this machine`);
  process.stderr.write(`SKIPPED: ${what} was not found on this machine\n`);
  return undefined;
}
