import type { Readable } from 'node:stream';
import { type ImportReport, type ImportScreen, importScreen } from '@marquee/contracts';
import { type FileToImport, importLines } from '../kit/import/import-lines.js';
import { type Importing, tagsOf } from '../kit/import/importing.js';
import type { Screens } from './screens.service.js';

/** Imports screens, as `importLines` says. One that is known already counts as updated, also where the line says nothing new. */
export async function importScreens(screens: Screens, source: Readable, file: FileToImport): Promise<ImportReport> {
  const importing: Importing<ImportScreen> = {
    schema: importScreen,
    keyOf: (screen) => screen.deviceId,
    columns: ['deviceId', 'groupId', 'tags', 'metadata'],
    fromCells,
    put: async (rows) => {
      const imported = await screens.putAll(rows);
      return { imported, updated: rows.length - imported, unchanged: 0 };
    },
  };
  const { unchanged, updated, ...report } = await importLines(source, file, importing);
  return { ...report, updated: updated + unchanged };
}

function fromCells({ deviceId, groupId, tags, metadata }: Record<string, string>): { value: unknown } | { reason: string } {
  try {
    return { value: { deviceId, groupId, tags: tagsOf(tags), metadata: metadata === undefined ? {} : JSON.parse(metadata) } };
  } catch {
    return { reason: 'metadata: is not JSON' };
  }
}
