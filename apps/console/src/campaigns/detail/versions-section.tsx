import { Badge, Box, Button, Group, Modal, Stack, Table, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import type { CampaignDetail, VersionView } from '@marquee/contracts';
import { IconArrowBackUp } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api/client.js';
import { ApiProblem } from '../../api/problem.js';
import { queries } from '../../api/queries.js';
import { ListSection, Walk } from '../../parts/list-section.js';
import { number } from '../../parts/pager.js';
import { RowSkeletons } from '../../parts/row-skeletons.js';
import table from '../../parts/table.module.css';
import { Time } from '../../parts/time.js';
import { Trouble } from '../../parts/trouble.js';
import { useRefresh } from '../interruptions/use-refresh.js';

const PAGE_SIZE = 10;

/** What the campaign said over time, how many screens have which of it, and the way back. */
export function VersionsSection({ campaign }: { campaign: CampaignDetail }) {
  const [walked, setWalked] = useState<string[]>([]);
  const [chosen, setChosen] = useState<VersionView>();
  const page = useQuery(queries.versions(campaign.id, { cursor: walked.at(-1), limit: PAGE_SIZE }));
  return (
    <ListSection id="versions-title" title="Versions" action={<Building campaign={campaign} />}>
      {page.isPending && <RowSkeletons rows={2} label="Loading the versions" />}
      {page.isError && page.data === undefined && (
        <Group p="lg" grow>
          <Trouble title="The versions could not be read" error={page.error} onRetry={() => void page.refetch()} />
        </Group>
      )}
      {page.data !== undefined && (
        <>
          <VersionTable versions={page.data.data} campaign={campaign} onRollback={setChosen} />
          <Walk walked={walked} next={page.data.nextCursor} loading={page.isPlaceholderData} onWalk={setWalked} />
        </>
      )}
      {chosen !== undefined && <RollbackDialog campaign={campaign} version={chosen} onClose={() => setChosen(undefined)} />}
    </ListSection>
  );
}

function isOver({ status }: CampaignDetail): boolean {
  return status === 'cancelled' || status === 'completed';
}

function Building({ campaign }: { campaign: CampaignDetail }) {
  const { version, liveVersion } = campaign;
  if (isOver(campaign) || liveVersion === null || liveVersion === version) return null;
  return (
    <Text size="sm" c="dimmed" role="status">
      Version {version} is being built; screens keep version {liveVersion} until then.
    </Text>
  );
}

interface VersionTableProps {
  versions: VersionView[];
  campaign: CampaignDetail;
  onRollback: (version: VersionView) => void;
}

function VersionTable({ versions, campaign, onRollback }: VersionTableProps) {
  return (
    <Table aria-label="Versions" horizontalSpacing="lg">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Version</Table.Th>
          <Table.Th>Name</Table.Th>
          <Table.Th visibleFrom="sm">Made</Table.Th>
          <Table.Th visibleFrom="md">Ends</Table.Th>
          <Table.Th>Screens</Table.Th>
          <Table.Th visibleFrom="sm" aria-label="Action" />
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {versions.map((version) => (
          <Table.Tr key={version.version} data-version={version.version}>
            <Table.Td>
              <Group gap={6} wrap="nowrap">
                <b>{version.version}</b>
                <Standing version={version} campaign={campaign} />
              </Group>
            </Table.Td>
            <Table.Td>
              <Text size="sm" className={table.words ?? ''}>
                {version.name}
              </Text>
              <Text size="xs" c="dimmed">
                {version.assets.length === 1 ? '1 slide' : `${version.assets.length} slides`}
                {version.restores !== null && ` · as version ${version.restores}`}
              </Text>
              <Box hiddenFrom="sm" mt={6}>
                <RollbackButton version={version} campaign={campaign} onRollback={onRollback} />
              </Box>
            </Table.Td>
            <Table.Td visibleFrom="sm">
              <Time at={Date.parse(version.createdAt)} brief />
            </Table.Td>
            <Table.Td visibleFrom="md">
              <Time at={version.expireAt} stacked />
            </Table.Td>
            <Table.Td data-figure={`screens-${version.version}`}>{number(version.acknowledged)}</Table.Td>
            <Table.Td visibleFrom="sm" ta="right">
              <RollbackButton version={version} campaign={campaign} onRollback={onRollback} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

interface RollbackButtonProps extends Pick<VersionTableProps, 'campaign' | 'onRollback'> {
  version: VersionView;
}

function RollbackButton({ version, campaign, onRollback }: RollbackButtonProps) {
  if (isOver(campaign) || version.version === campaign.version) return null;
  return (
    <Button size="xs" variant="default" leftSection={<IconArrowBackUp size={15} />} onClick={() => onRollback(version)}>
      Roll back
    </Button>
  );
}

function Standing({ version, campaign }: { version: VersionView; campaign: CampaignDetail }) {
  if (isOver(campaign)) return null;
  if (version.version === campaign.liveVersion) return <Badge size="sm">offered</Badge>;
  if (version.version !== campaign.version) return null;
  return (
    <Badge size="sm" color="yellow">
      being built
    </Badge>
  );
}

interface RollbackDialogProps {
  campaign: CampaignDetail;
  version: VersionView;
  onClose: () => void;
}

function RollbackDialog({ campaign, version, onClose }: RollbackDialogProps) {
  const refresh = useRefresh(campaign.id);
  // The version that was on the page when the dialog opened: what is rolled back is what was looked at.
  const [present] = useState(campaign.version);
  const rollback = useMutation({
    mutationFn: () => api.rollback(campaign.id, present, version.version),
    onSuccess: (now) => {
      onClose();
      notifications.show({ title: `Rolled back`, message: `Version ${now.version} says what version ${version.version} said.` });
    },
    onSettled: refresh,
  });
  const overtaken = rollback.error instanceof ApiProblem && rollback.error.code === 'PRECONDITION_FAILED';
  return (
    <Modal opened onClose={onClose} title={`Roll back to version ${version.version}?`}>
      <Stack gap="md">
        <Text size="sm">
          A new version is made that says what version {version.version} (“{version.name}”) said, and offered to every screen; the audience
          stays as it is.
        </Text>
        {rollback.isError && (
          <Trouble title={overtaken ? 'The campaign was changed by someone meanwhile' : 'It was not rolled back'} error={rollback.error} />
        )}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose}>
            {overtaken ? 'Close and look' : 'Keep it'}
          </Button>
          {!overtaken && (
            <Button loading={rollback.isPending} onClick={() => rollback.mutate()} data-autofocus>
              Roll back
            </Button>
          )}
        </Group>
      </Stack>
    </Modal>
  );
}
