import { expect, test } from 'vitest';
import { type ClicksBalance, wrongWith } from './clicks-balance.js';

const LEDGER = { text: '', balances: true, atLeast: 0, atMost: 0 };
const RIGHT: ClicksBalance = { oks: 1000, stored: 1000, lost: 0, unasked: 0, miscounted: 0, ledger: LEDGER };
const NO_LOSS = { lost: 0, balances: true };
const KILLED = { lost: 2000, balances: false };

test('all that was answered OK is counted, and the ledger says so', () => {
  expect(wrongWith(RIGHT, NO_LOSS)).toEqual([]);
});

test('one lost click is one too many where nothing that held clicks was killed', () => {
  expect(wrongWith({ ...RIGHT, lost: 1 }, NO_LOSS)).toEqual([
    '1 clicks were answered OK and are not counted; at most 0 may be',
    '1 are lost, and the ledger says between 0 and 0',
  ]);
});

test('after a kill as many may be lost as fit into memory, and as the ledger says', () => {
  const ledger = { text: '', balances: false, atLeast: 8, atMost: 2000 };
  expect(wrongWith({ ...RIGHT, lost: 8, ledger }, KILLED)).toEqual([]);
  expect(wrongWith({ ...RIGHT, lost: 2001, ledger }, KILLED)).toHaveLength(2);
  expect(wrongWith({ ...RIGHT, lost: 7, ledger }, KILLED)).toEqual(['7 are lost, and the ledger says between 8 and 2000']);
});

test('a ledger that balances by silence after a kill is wrong', () => {
  expect(wrongWith(RIGHT, KILLED)).toEqual(['the ledger says that it balances']);
});

test('what nobody was answered for, and what was counted twice, is wrong', () => {
  expect(wrongWith({ ...RIGHT, unasked: 1, miscounted: 2 }, NO_LOSS)).toHaveLength(2);
});
