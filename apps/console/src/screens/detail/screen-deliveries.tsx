import { Box, Group, Table, Text } from '@mantine/core';
import type { ScreenDelivery } from '@marquee/contracts';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { queries } from '../../api/queries.js';
import { LinkAnchor } from '../../parts/link-anchor.js';
import { RowSkeletons } from '../../parts/row-skeletons.js';
import { CampaignBadge, DeliveryBadge } from '../../parts/status.js';
import table from '../../parts/table.module.css';
import { Time } from '../../parts/time.js';
import { Trouble } from '../../parts/trouble.js';
import { WhyButton } from '../../why/why-button.js';
import { ListSection, NothingYet, Walk } from '../../parts/list-section.js';

const PAGE_SIZE = 10;
const LOOK_MS = 5_000;

/** The campaigns that were meant for the screen, and how far each of them came. */
export function ScreenDeliveries({ id, online }: { id: string; online: boolean }) {
  const [walked, setWalked] = useState<string[]>([]);
  const page = useQuery({ ...queries.screenDeliveries(id, { cursor: walked.at(-1), limit: PAGE_SIZE }), refetchInterval: LOOK_MS });
  return (
    <ListSection id="screen-campaigns" title="Campaigns">
      {page.isPending && <RowSkeletons rows={3} label="Loading the campaigns of the screen" />}
      {page.isError && page.data === undefined && (
        <Group p="lg" grow>
          <Trouble title="Its campaigns could not be read" error={page.error} onRetry={() => void page.refetch()} />
        </Group>
      )}
      {page.data?.data.length === 0 && <NothingYet>Nothing was meant for it yet.</NothingYet>}
      {page.data !== undefined && page.data.data.length > 0 && (
        <>
          <Rows deliveries={page.data.data} online={online} stale={page.isPlaceholderData} />
          <Walk walked={walked} next={page.data.nextCursor} loading={page.isPlaceholderData} onWalk={setWalked} />
        </>
      )}
    </ListSection>
  );
}

function Rows({ deliveries, online, stale }: { deliveries: ScreenDelivery[]; online: boolean; stale: boolean }) {
  return (
    <Table className={stale ? (table.stale ?? '') : ''} aria-label="Campaigns of the screen" horizontalSpacing="lg">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Campaign</Table.Th>
          <Table.Th visibleFrom="sm">Status</Table.Th>
          <Table.Th>On this screen</Table.Th>
          <Table.Th visibleFrom="md">Starts</Table.Th>
          <Table.Th visibleFrom="md">Ends</Table.Th>
          <Table.Th visibleFrom="sm" aria-label="Why" />
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {deliveries.map((delivery) => (
          <Table.Tr key={delivery.id}>
            <Table.Td>
              <LinkAnchor to="/console/campaigns/$id" params={{ id: delivery.campaignId }} size="sm" fw={600} className={table.words ?? ''}>
                {delivery.campaign}
              </LinkAnchor>
            </Table.Td>
            <Table.Td visibleFrom="sm">
              <CampaignBadge campaign={{ status: delivery.campaignStatus, paused: false, channel: 'screen' }} />
            </Table.Td>
            <Table.Td>
              <Standing delivery={delivery} online={online} />
              <Box hiddenFrom="sm" mt={6}>
                <Why delivery={delivery} />
              </Box>
            </Table.Td>
            <Table.Td visibleFrom="md">
              <Time at={delivery.startAt} brief />
            </Table.Td>
            <Table.Td visibleFrom="md">
              <Time at={delivery.expireAt} brief />
            </Table.Td>
            <Table.Td visibleFrom="sm" ta="end">
              <Why delivery={delivery} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Why({ delivery }: { delivery: ScreenDelivery }) {
  return <WhyButton campaignId={delivery.campaignId} deviceId={delivery.recipient} about={delivery.campaign} />;
}

/** Where the campaign stands on the screen, by the screen's own word where there is one; what it shows while it is offline nobody knows. */
function Standing({ delivery, online }: { delivery: ScreenDelivery; online: boolean }) {
  const { revokeAckedAt, onAir, acknowledgedAt, acknowledgedVersion, installError } = delivery;
  if (revokeAckedAt !== null) return <Words text="Took it off" at={revokeAckedAt} />;
  if (onAir) return online ? <Words text="On air" color="marquee" /> : <Words text="On air when last heard" />;
  if (acknowledgedAt !== null) return <Words text={`Installed, version ${acknowledgedVersion ?? 1}`} at={acknowledgedAt} />;
  if (installError !== null) return <Words text={`Could not install it: ${installError}`} color="red" />;
  return <DeliveryBadge state={delivery.status} />;
}

function Words({ text, color, at }: { text: string; color?: string; at?: number }) {
  return (
    <>
      <Text size="sm" className={table.words ?? ''} {...(color === undefined ? {} : { c: color })}>
        {text}
      </Text>
      {at !== undefined && <Time at={at} brief size="xs" c="dimmed" />}
    </>
  );
}
