import { Group } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { queries } from '../api/queries.js';
import { ListSection, NothingYet, Walk } from '../parts/list-section.js';
import { RowSkeletons } from '../parts/row-skeletons.js';
import { Trouble } from '../parts/trouble.js';
import { ExecutionTable } from './execution-table.js';

const PAGE_SIZE = 10;

/** The runs of one campaign, the newest first. */
export function ExecutionsSection({ id }: { id: string }) {
  const [walked, setWalked] = useState<string[]>([]);
  const page = useQuery(queries.campaignExecutions(id, { cursor: walked.at(-1), limit: PAGE_SIZE }));
  return (
    <ListSection id="executions-title" title="Executions">
      {page.isPending && <RowSkeletons rows={2} label="Loading the executions" />}
      {page.isError && page.data === undefined && (
        <Group p="lg" grow>
          <Trouble title="The executions could not be read" error={page.error} onRetry={() => void page.refetch()} />
        </Group>
      )}
      {page.data?.data.length === 0 && <NothingYet>It has not run yet.</NothingYet>}
      {page.data !== undefined && page.data.data.length > 0 && (
        <>
          <ExecutionTable executions={page.data.data} named={false} stale={page.isPlaceholderData} />
          <Walk walked={walked} next={page.data.nextCursor} loading={page.isPlaceholderData} onWalk={setWalked} />
        </>
      )}
    </ListSection>
  );
}
