import type { ClicksReport } from '@marquee/contracts';
import { Figure } from '../parts/figures.js';
import classes from './clicks.module.css';

/** How many clicks there were: all, without repetitions, and without bots. */
export function ClickFigures({ total: { raw, unique, human } }: Pick<ClicksReport, 'total'>) {
  return (
    <dl className={classes.figures}>
      <Figure name="Raw" value={raw} meaning="Every click, each counted once." />
      <Figure name="Unique" value={unique} meaning="Without repetitions by the same user, or from the same address and agent, on one ad." />
      <Figure name="Human" value={human} meaning="Unique, and not by a bot." />
    </dl>
  );
}
