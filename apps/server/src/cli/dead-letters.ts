import { deadLetter, type DeadLetterChoice, deadLetterRow, deadLettersMoved, pathTo, ROUTES } from '@marquee/contracts';
import type { Command } from 'commander';
import { CommandError, EXIT } from './api.js';
import { apiOf, type ApiOptions, asksApi, type ListOptions, lists, print, printPage } from './command.js';
import { facts, shown, when } from './terminal.js';

interface ChoiceOptions extends ApiOptions {
  all?: true;
}

/** Adds `marquee clicks dead`. */
export function addDeadLetters(clicks: Command): void {
  const dead = clicks.command('dead').description('clicks that could not be counted');
  lists(dead.command('list').description('dead letters, the newest first')).action(async ({ limit, cursor, ...options }: ListOptions) => {
    const answer = await apiOf(options).get(ROUTES.deadLetters, { limit, cursor });
    printPage(answer, options, deadLetterRow, ['id', 'died', 'message', 'sent back', 'reason'], (each) => [
      each.id,
      when(each.deadAt),
      each.messageId,
      each.redriven,
      each.reason,
    ]);
  });
  asksApi(dead.command('show').description('one dead letter with the message as it came').argument('<id>')).action(
    async (id: string, options: ApiOptions) => {
      const answer = await apiOf(options).get(pathTo('deadLetter', String(numberOf(id))));
      print(answer, options, deadLetter, (each) =>
        [
          facts({ id: each.id, died: when(each.deadAt), message: each.messageId, 'sent back': each.redriven, reason: each.reason }),
          shown(each.body),
        ].join('\n\n'),
      );
    },
  );
  chooses(dead.command('redrive').description('send dead letters back into the queue')).action(
    async (ids: string[], options: ChoiceOptions) => {
      const answer = await apiOf(options).post(ROUTES.deadLettersRedrive, choiceOf(ids, options));
      print(answer, options, deadLettersMoved, ({ moved }) => `${moved} were sent back`);
    },
  );
  chooses(dead.command('purge').description('forget dead letters for good')).action(async (ids: string[], options: ChoiceOptions) => {
    const answer = await apiOf(options).post(ROUTES.deadLettersPurge, choiceOf(ids, options));
    print(answer, options, deadLettersMoved, ({ moved }) => `${moved} were forgotten`);
  });
}

function chooses(command: Command): Command {
  return asksApi(command.argument('[ids...]', 'numbers of the list')).option('--all', 'all that are there, in place of numbers');
}

function choiceOf(ids: readonly string[], { all }: ChoiceOptions): DeadLetterChoice {
  if ((all === true) === ids.length > 0) throw new CommandError('Give either numbers of dead letters or --all.', EXIT.wrong);
  return all === true ? { all } : { ids: ids.map(numberOf) };
}

function numberOf(id: string): number {
  const number = Number(id);
  if (!/^[1-9]\d*$/.test(id) || !Number.isSafeInteger(number)) throw new CommandError(`${id} is no number of a dead letter.`, EXIT.wrong);
  return number;
}
