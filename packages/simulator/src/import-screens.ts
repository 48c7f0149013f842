import { ROUTES } from '@marquee/contracts';

/** One screen for the registry; what is absent is set to its default. */
export interface ScreenLine {
  deviceId: string;
  groupId?: string;
  tags?: string[];
}

/** Puts screens into the registry of the server at `api` in one request. Rejects with a sentence when one of them was not taken. */
export async function importScreens(api: string, screens: readonly ScreenLine[]): Promise<void> {
  const body = screens.map((screen) => `${JSON.stringify(screen)}\n`).join('');
  const reply = await fetch(new URL(ROUTES.screenImport, api), {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body,
  });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`The server at ${api} did not take the screens: ${reply.status} ${text.slice(0, 300)}`);
  const report: unknown = JSON.parse(text);
  if (typeof report !== 'object' || report === null || !('rejected' in report) || !Array.isArray(report.rejected)) {
    throw new Error(`The server at ${api} answered no import report: ${text.slice(0, 300)}`);
  }
  if (report.rejected.length > 0) {
    throw new Error(`The server at ${api} rejected ${report.rejected.length} screens, first: ${JSON.stringify(report.rejected[0])}`);
  }
}
