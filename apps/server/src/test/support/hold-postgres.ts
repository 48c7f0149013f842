// A process that holds the PostgreSQL of a DATA_DIR, for tests that kill it. Says `loaded`, waits for a line, starts, says
// what it got as JSON, waits for another line, lets go and ends.
import { createInterface } from 'node:readline';
import { startEmbeddedPostgres } from '../../store/embedded-postgres.js';

const [dataDir = '', folder = ''] = process.argv.slice(2);
const sources = folder === '' ? {} : { sources: { packaged: async () => undefined, folders: async () => [folder] } };

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
process.stdout.write('loaded\n');
await lines.next();
const server = await startEmbeddedPostgres({ dataDir, ...sources });
process.stdout.write(`${JSON.stringify({ role: server.role, url: server.url })}\n`);
await lines.next();
await server.stop();
process.exit(0);
