import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { contactImportReport, contactView, ROUTES } from '@marquee/contracts';
import { type Command, Option } from 'commander';
import { reasonOf } from '../kit/errors.js';
import { CommandError, EXIT } from './api.js';
import { apiOf, type ApiOptions, asksApi, type ListOptions, lists, printPage } from './command.js';
import { note, say } from './terminal.js';

const TYPES = { csv: 'text/csv', ndjson: 'application/x-ndjson' } as const;
type Format = keyof typeof TYPES;

/** Adds `marquee contacts`. */
export function addContacts(program: Command): void {
  const contacts = program.command('contacts').description('see and import contacts');
  lists(contacts.command('list').description('contacts, by id')).action(async ({ limit, cursor, ...options }: ListOptions) => {
    const answer = await apiOf(options).get(ROUTES.contacts, { limit, cursor });
    printPage(answer, options, contactView, ['id', 'email', 'phone', 'tags', 'time zone'], (each) => [
      each.id,
      each.email,
      each.phone,
      each.tags.join(' '),
      each.timeZone,
    ]);
  });
  asksApi(
    contacts
      .command('import')
      .description('take in a file of contacts, streamed; broken lines are told and cost only themselves (exit code 1)')
      .argument('<file>', 'CSV with a header line, or JSON Lines'),
  )
    .addOption(new Option('--format <format>', 'what it is, where its name does not say it').choices(Object.keys(TYPES)))
    .action(async (file: string, options: ApiOptions & { format?: Format }) => {
      const type = TYPES[options.format ?? (await formatOf(file))];
      const answer = await apiOf(options).upload(ROUTES.contactImport, { content: createReadStream(file), type });
      const report = answer.as(contactImportReport);
      if (options.json === true) say(answer.text);
      else say(`${report.imported} imported, ${report.updated} updated, ${report.unchanged} unchanged, ${report.rejectedTotal} rejected`);
      if (report.rejectedTotal === 0) return;
      process.exitCode = EXIT.failed;
      if (options.json === true) return;
      for (const { line, reason } of report.rejected) note(`line ${line}: ${reason}`);
      const more = report.rejectedTotal - report.rejected.length;
      if (more > 0) note(`and ${more} more`);
    });
}

async function formatOf(file: string): Promise<Format> {
  const found = await stat(file).catch((error: unknown) => {
    throw new CommandError(`${file} cannot be read: ${reasonOf(error)}.`, EXIT.wrong);
  });
  if (!found.isFile()) throw new CommandError(`${file} is no file.`, EXIT.wrong);
  if (/\.csv$/i.test(file)) return 'csv';
  if (/\.(ndjson|jsonl)$/i.test(file)) return 'ndjson';
  throw new CommandError(`The name of ${file} does not say what it is: give --format csv or --format ndjson.`, EXIT.wrong);
}
