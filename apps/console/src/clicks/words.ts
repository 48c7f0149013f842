import type { CircuitState, ClickCounter } from '@marquee/contracts';

export const CIRCUIT_LOOKS: Record<CircuitState, { color: string; label: string; meaning: string; busy?: boolean }> = {
  CLOSED: { color: 'green', label: 'Circuit closed', meaning: 'The broker takes clicks.' },
  HALF_OPEN: {
    color: 'yellow',
    label: 'Circuit half open',
    meaning: 'Some clicks are sent to find out whether the broker is back.',
    busy: true,
  },
  OPEN: { color: 'red', label: 'Circuit open', meaning: 'The broker does not take clicks; they wait in the fallback.' },
};

interface Step {
  counter: ClickCounter;
  name: string;
  meaning: string;
}

/** The way of a click that meets no trouble, by the counters of the publisher. */
export const MAIN_STEPS: readonly Step[] = [
  { counter: 'accepted', name: 'Accepted', meaning: 'Answered OK.' },
  { counter: 'published', name: 'Published', meaning: 'Handed to the broker, each time that it was tried.' },
  { counter: 'confirmed', name: 'Confirmed', meaning: 'The broker has it on disk.' },
];

/** What becomes of clicks that meet some. */
export const SIDE_STEPS: readonly (Step & { alarming?: boolean })[] = [
  { counter: 'duplicates', name: 'Repeated', meaning: 'Its messageId was there before: answered like the first one, and counted once.' },
  { counter: 'retried', name: 'Retried', meaning: 'Published again after the broker had not confirmed it.' },
  { counter: 'stored', name: 'Stored', meaning: 'Kept in the fallback because the broker could not take it.' },
  { counter: 'replayed', name: 'Replayed', meaning: 'Published out of the fallback, and confirmed.' },
  { counter: 'dead', name: 'Dead', meaning: 'Cannot be published at all; kept below with the reason.', alarming: true },
  { counter: 'rejected', name: 'Rejected', meaning: 'Not accepted: no valid token, or no valid click.' },
  {
    counter: 'overloaded',
    name: 'Turned away',
    meaning: 'Answered 503 because memory was full; whoever sent it is asked to repeat it.',
    alarming: true,
  },
];
