import { ClickLoad, type ClickLoadOptions, type ClickTally, type OkClick } from '../clicks/click-load.js';
import { answerParent } from '../remote.js';

/** People who click, in a process of their own. */
export type ClickClientMethods = {
  open: (options: ClickLoadOptions) => Promise<void>;
  /** From now on so many a second. */
  start: (rate: number) => Promise<void>;
  /** Resolves when every click was answered. */
  stop: (nothing: null) => Promise<void>;
  /** Since the last call of this. */
  take: (nothing: null) => Promise<ClickTally>;
  /** Every click that was answered OK. */
  oks: (nothing: null) => Promise<OkClick[]>;
  close: (nothing: null) => Promise<void>;
};

let load: ClickLoad | undefined;

function opened(): ClickLoad {
  if (load === undefined) throw new Error('not open');
  return load;
}

const methods: ClickClientMethods = {
  open: async (options) => {
    load?.close();
    load = new ClickLoad(options);
  },
  start: async (rate) => opened().start(rate),
  stop: async () => await opened().stop(),
  take: async () => opened().take(),
  oks: async () => opened().answeredOk(),
  close: async () => opened().close(),
};

answerParent(methods);
