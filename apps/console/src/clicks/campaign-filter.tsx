import { Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { queries } from '../api/queries.js';

const MOST_OFFERED = 100;

/** Clicks of one campaign alone: one of the newest, or the one that a link named. */
export function CampaignFilter({ campaign, onChange }: { campaign: string | undefined; onChange: (id: string | undefined) => void }) {
  const newest = useQuery(queries.campaigns({ offset: 0, limit: MOST_OFFERED }));
  const offered = newest.data?.data ?? [];
  const named = useQuery({
    ...queries.campaign(campaign ?? ''),
    enabled: campaign !== undefined && newest.data !== undefined && !offered.some(({ id }) => id === campaign),
  });
  const options = offered.map(({ id, name }) => ({ value: id, label: name }));
  if (campaign !== undefined && !options.some(({ value }) => value === campaign))
    options.unshift({ value: campaign, label: named.data?.name ?? campaign });
  return (
    <Select
      size="xs"
      w={220}
      aria-label="Campaign"
      placeholder="Every campaign"
      data={options}
      value={campaign ?? null}
      onChange={(value) => onChange(value ?? undefined)}
      searchable
      clearable
      nothingFoundMessage="None of the newest has this name"
    />
  );
}
