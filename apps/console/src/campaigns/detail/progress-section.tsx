import { Box, Group, Progress, Text, Tooltip } from '@mantine/core';
import type { CampaignCounts, CampaignStatus } from '@marquee/contracts';
import { number } from '../../parts/pager.js';
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
      {total > 0 && <Bar counts={counts} status={status} total={total} />}
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

function Figure({ name, value, meaning, alarming = false }: { name: string; value: number; meaning: string; alarming?: boolean }) {
  return (
    <Tooltip label={meaning}>
      <div>
        <Text component="dt" size="sm" c="dimmed">
          {name}
        </Text>
        <Text component="dd" m={0} className={classes.figure ?? ''} c={alarming && value > 0 ? 'red' : 'inherit'} data-figure={name}>
          {number(value)}
        </Text>
      </div>
    </Tooltip>
  );
}

function Bar({ counts, status, total }: { counts: CampaignCounts; status: CampaignStatus; total: number }) {
  const parts = partsOf(counts, status).filter((part) => part.value > 0);
  const words = parts.map((part) => `${part.name}: ${part.value}`).join(', ');
  return (
    <div>
      <Progress.Root size={14} radius="sm" role="img" aria-label={`Of ${total} targeted. ${words}`}>
        {parts.map((part) => (
          <Progress.Section key={part.name} value={(part.value / total) * 100} color={part.color} aria-hidden withAria={false} />
        ))}
      </Progress.Root>
      <Group gap="4px 20px" mt="sm" aria-hidden>
        {parts.map((part) => (
          <Group key={part.name} gap={7} wrap="nowrap">
            <Box w={10} h={10} bg={part.color} style={{ borderRadius: 3 }} />
            <Text size="xs" c="dimmed">
              {part.name} {number(part.value)}
            </Text>
          </Group>
        ))}
      </Group>
    </div>
  );
}
