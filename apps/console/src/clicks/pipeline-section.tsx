import { Button, Group, Skeleton, Text, Tooltip } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import type { ClicksStatus } from '@marquee/contracts';
import { IconRefresh } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { CLICKS_KEY, clickQueries, clicksApi } from '../api/clicks.js';
import { reasonsOf } from '../api/problem.js';
import { number } from '../parts/pager.js';
import { Section } from '../parts/section.js';
import { LookBadge } from '../parts/status.js';
import { Trouble } from '../parts/trouble.js';
import classes from './clicks.module.css';
import { ProcessTable } from './process-table.js';
import { CIRCUIT_LOOKS, MAIN_STEPS, SIDE_STEPS } from './words.js';
import { LEDGER_MS, ledgerFrom } from './ledger-section.js';

const LOOK_MS = 1_000;

/** What the layers do with clicks: from the answer to the numbers, and what is kept where on the way. */
export function PipelineSection() {
  const status = useQuery({ ...clickQueries.status(), refetchInterval: LOOK_MS });
  return (
    <Section
      title="On their way"
      hint="By the processes that live, since the start of each; counted: in the last 24 hours."
      action={
        status.data !== undefined && (
          <Group gap="sm">
            {status.data.processes.length > 0 && <LookBadge look={CIRCUIT_LOOKS[status.data.circuit]} />}
            <Replay waiting={status.data.fallbackDepth} />
          </Group>
        )
      }
    >
      {status.isPending && <Skeleton height={160} />}
      {status.isError && <Trouble title="How clicks are could not be read" error={status.error} onRetry={() => void status.refetch()} />}
      {status.data !== undefined && <Layers status={status.data} />}
    </Section>
  );
}

function Layers({ status }: { status: ClicksStatus }) {
  const { counters, queueDepth, fallbackDepth, dlqDepth, publisher, processes } = status;
  const ledger = useQuery({ ...clickQueries.ledger({ from: ledgerFrom() }), refetchInterval: LEDGER_MS });
  if (processes.length === 0)
    return (
      <Text size="sm" c="dimmed">
        No process with the role clicks is running: nobody accepts clicks.
      </Text>
    );
  return (
    <>
      <ol className={classes.flow} aria-label="Layers">
        {MAIN_STEPS.map(({ counter, name, meaning }) => (
          <Step key={counter} main name={name} value={counters[counter]} meaning={meaning} />
        ))}
        <Step main name="Counted" value={ledger.data?.total.stored ?? null} meaning="In the numbers, each once, in the last 24 hours." />
        {SIDE_STEPS.map(({ counter, name, meaning, alarming = false }) => (
          <Step key={counter} name={name} value={counters[counter]} meaning={meaning} alarming={alarming} />
        ))}
      </ol>
      <dl className={classes.figures}>
        <Depth
          name="In memory"
          value={publisher.memory}
          of={publisher.bound}
          meaning={`Neither confirmed nor stored: ${publisher.ack === 'durable' ? 'not answered yet' : 'what a killed process would lose'}.`}
        />
        <Depth name="In the queue" value={queueDepth} meaning="Confirmed, and not counted yet." />
        <Depth name="In the fallback" value={fallbackDepth} meaning="Waiting for the broker." />
        <Depth name="Dead letters" value={dlqDepth} meaning="What nobody can count; see below." />
      </dl>
      <ProcessTable processes={processes} />
    </>
  );
}

interface StepProps {
  name: string;
  value: number | null;
  meaning: string;
  main?: boolean;
  alarming?: boolean;
}

function Step({ name, value, meaning, main = false, alarming = false }: StepProps) {
  return (
    <li className={`${classes.step} ${main ? classes.main : classes.side}`}>
      <Tooltip label={meaning}>
        <div>
          <Text size="xs" c="dimmed">
            {name}
          </Text>
          <div
            className={classes.value}
            data-layer={name}
            style={alarming && value !== null && value > 0 ? { color: 'var(--mantine-color-error)' } : {}}
          >
            {value === null ? '–' : number(value)}
          </div>
        </div>
      </Tooltip>
    </li>
  );
}

/** How many are somewhere now; a dash where nobody can tell. */
function Depth({ name, value, of, meaning }: { name: string; value: number | null; of?: number; meaning: string }) {
  return (
    <Tooltip label={meaning}>
      <div>
        <Text component="dt" size="xs" c="dimmed">
          {name}
        </Text>
        <Text component="dd" m={0} fw={600} data-depth={name}>
          {value === null ? '–' : number(value)}
          {of !== undefined && (
            <Text span size="xs" c="dimmed">
              {` of ${number(of)}`}
            </Text>
          )}
        </Text>
      </div>
    </Tooltip>
  );
}

function Replay({ waiting }: { waiting: number | null }) {
  const cache = useQueryClient();
  const replay = useMutation({
    mutationFn: () => clicksApi.replay(),
    onSuccess: ({ processes, waiting: left }) =>
      notifications.show({
        title: processes === 0 ? 'Nobody is there to replay' : 'Replay asked for',
        message: left === null ? 'How many wait is not known.' : `${number(left)} clicks wait in the fallback.`,
      }),
    onError: (error) => notifications.show({ title: 'No replay was asked for', message: reasonsOf(error).join(' '), color: 'red' }),
    onSettled: () => cache.invalidateQueries({ queryKey: CLICKS_KEY }),
  });
  return (
    <Button
      size="xs"
      variant="default"
      leftSection={<IconRefresh size={15} />}
      disabled={waiting === 0}
      loading={replay.isPending}
      onClick={() => replay.mutate()}
    >
      Replay now
    </Button>
  );
}
