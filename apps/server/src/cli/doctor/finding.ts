/** What one check found: `warn` works for now, `fail` does not. */
export interface Finding {
  check: string;
  state: 'ok' | 'warn' | 'fail';
  /** What is so, and unless it is ok what to do. */
  text: string;
}

export function ok(check: string, text: string): Finding {
  return { check, state: 'ok', text };
}

export function warn(check: string, text: string): Finding {
  return { check, state: 'warn', text };
}

export function fail(check: string, text: string): Finding {
  return { check, state: 'fail', text };
}
