import { Code, Stack, Table, Text } from '@mantine/core';
import { type CampaignDetail, webhookContent } from '@marquee/contracts';
import { Section } from '../../parts/section.js';
import classes from './sending.module.css';

/** What a webhook campaign posts, and where to; the secret is not among what the server tells. */
export function ContentSection({ campaign }: { campaign: CampaignDetail }) {
  const parsed = webhookContent.safeParse(campaign.content);
  if (!parsed.success) return null;
  const { url, headers = {}, data } = parsed.data;
  const names = Object.entries(headers);
  return (
    <Section title="Content" hint="One POST a recipient, under the delivery’s id as its idempotency key.">
      <Stack gap={4}>
        <Text size="xs" c="dimmed">
          Address
        </Text>
        <Text size="sm" className={classes.words ?? ''}>
          <Code>POST</Code> {url}
        </Text>
      </Stack>
      {names.length > 0 && (
        <Table aria-label="Headers" layout="fixed">
          <Table.Thead>
            <Table.Tr>
              <Table.Th w="35%">Header</Table.Th>
              <Table.Th>Value</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {names.map(([name, value]) => (
              <Table.Tr key={name}>
                <Table.Td className={classes.words ?? ''}>{name}</Table.Td>
                <Table.Td className={classes.words ?? ''}>{value}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {data !== undefined && (
        <Stack gap={4}>
          <Text size="xs" c="dimmed">
            Data
          </Text>
          <pre className={classes.json}>{JSON.stringify(data, null, 2)}</pre>
        </Stack>
      )}
    </Section>
  );
}
