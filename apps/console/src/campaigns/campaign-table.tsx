import { Box, Group, Table, Text } from '@mantine/core';
import type { CampaignView } from '@marquee/contracts';
import { LinkAnchor } from '../parts/link-anchor.js';
import { Channel } from '../parts/channel.js';
import { CampaignBadge } from '../parts/status.js';
import table from '../parts/table.module.css';
import { Time } from '../parts/time.js';

/** Campaigns, a row each; on a narrow page the times move below the name. */
export function CampaignTable({ campaigns, stale }: { campaigns: CampaignView[]; stale: boolean }) {
  return (
    <Table highlightOnHover className={stale ? (table.stale ?? '') : ''} aria-label="Campaigns">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Name</Table.Th>
          <Table.Th>Status</Table.Th>
          <Table.Th visibleFrom="md">Channel</Table.Th>
          <Table.Th visibleFrom="sm">Starts</Table.Th>
          <Table.Th visibleFrom="sm">Ends</Table.Th>
          <Table.Th visibleFrom="lg">Slides</Table.Th>
          <Table.Th visibleFrom="lg">Created</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {campaigns.map((campaign) => (
          <CampaignRow key={campaign.id} campaign={campaign} />
        ))}
      </Table.Tbody>
    </Table>
  );
}

function CampaignRow({ campaign }: { campaign: CampaignView }) {
  return (
    <Table.Tr className={table.row ?? ''}>
      <Table.Td>
        <LinkAnchor to="/console/campaigns/$id" params={{ id: campaign.id }} className={`${table.name} ${table.cover}`}>
          {campaign.name}
        </LinkAnchor>
        <Box hiddenFrom="sm">
          <Text size="xs" c="dimmed" component="div">
            {campaign.startAt !== null && <Time at={campaign.startAt} brief size="xs" before="Starts" after="Started" />}
            {campaign.startAt !== null && campaign.expireAt !== null && ' · '}
            {campaign.expireAt !== null && <Time at={campaign.expireAt} brief size="xs" before="ends" after="ended" />}
          </Text>
        </Box>
      </Table.Td>
      <Table.Td>
        <Group gap="xs">
          <CampaignBadge campaign={campaign} />
          {campaign.buildError !== null && (
            <Text size="xs" c="red">
              build failed
            </Text>
          )}
        </Group>
      </Table.Td>
      <Table.Td visibleFrom="md">
        <Channel name={campaign.channel} />
      </Table.Td>
      <Table.Td visibleFrom="sm">
        <Time at={campaign.startAt} stacked />
      </Table.Td>
      <Table.Td visibleFrom="sm">
        <Time at={campaign.expireAt} stacked />
      </Table.Td>
      <Table.Td visibleFrom="lg">{campaign.channel === 'screen' ? campaign.assets.length : '–'}</Table.Td>
      <Table.Td visibleFrom="lg">
        <Time at={Date.parse(campaign.createdAt)} brief c="dimmed" />
      </Table.Td>
    </Table.Tr>
  );
}
