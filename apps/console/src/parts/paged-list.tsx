import { Group } from '@mantine/core';
import type { Page } from '@marquee/contracts';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Pager } from './pager.js';
import { RowSkeletons } from './row-skeletons.js';
import { Trouble } from './trouble.js';

interface PagedListProps<Row> {
  list: UseQueryResult<Page<Row>>;
  /** What is listed, in the plural. */
  noun: string;
  /** From 1. */
  page: number;
  pageSize: number;
  onPage: (page: number) => void;
  /** In place of a list of nothing. */
  empty: ReactNode;
  /** The rows; `stale` while those of another page are still shown. */
  children: (rows: Row[], stale: boolean) => ReactNode;
}

/** A list page by page, by number: while it is loaded, when it cannot be read, with nothing in it, and with its rows. */
export function PagedList<Row>({ list, noun, page, pageSize, onPage, empty, children }: PagedListProps<Row>) {
  return (
    <>
      {list.isError && (
        <Group p="md" grow>
          <Trouble
            title={`The ${noun} could not be read`}
            error={list.error}
            onRetry={() => void list.refetch()}
            retrying={list.isFetching}
          />
        </Group>
      )}
      {list.isPending && <RowSkeletons label={`Loading the ${noun}`} />}
      {list.data !== undefined && list.data.total === 0 && empty}
      {list.data !== undefined && list.data.total > 0 && (
        <>
          {children(list.data.data, list.isPlaceholderData)}
          <Pager page={page} pageSize={pageSize} total={list.data.total} noun={noun} onPage={onPage} />
        </>
      )}
    </>
  );
}
