import type { CampaignCounts, CampaignStatus } from '@marquee/contracts';
import { Bar, Figure } from '../../parts/figures.js';
import { Section } from '../../parts/section.js';
import { partsOf, targeted } from './counts.js';
import classes from './detail.module.css';

export function ProgressSection({ counts, status }: { counts: CampaignCounts; status: CampaignStatus }) {
  const total = targeted(counts);
  return (
    <Section title="Progress" hint={hintOf(total, status)}>
      <dl className={classes.numbers}>
        <Figure name="Targeted" value={total} meaning="Screens that it is meant for, so far." />
        <Figure
          name="Handed over"
          value={counts.SUCCESS}
          meaning="Handed over for the screen; an offline screen gets it when it is back."
        />
        <Figure name="Installed" value={counts.acknowledged} meaning="Screens that said they hold all of it." />
        <Figure
          name="Failed install"
          value={counts.failedInstall}
          meaning="Screens that said why they could not. It is offered again."
          alarming
        />
        <Figure name="On air" value={counts.onAir} meaning="Screens whose last word is that they show it, the offline ones included." />
        <Figure name="Revoked" value={counts.revoked} meaning="Screens that said they took it off." />
      </dl>
      {total > 0 && <Bar parts={partsOf(counts, status)} total={total} of="targeted" />}
    </Section>
  );
}

function hintOf(total: number, status: CampaignStatus): string | undefined {
  if (total > 0) return undefined;
  if (status === 'completed' || status === 'cancelled') return 'It reached no screen.';
  return status === 'active'
    ? 'No screen fits its audience yet; those that join later get it.'
    : 'Its screens are chosen once it is dispatched.';
}
