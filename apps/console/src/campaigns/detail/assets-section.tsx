import { Code, CopyButton, Group, ScrollArea, Stack, Text, Tooltip, UnstyledButton } from '@mantine/core';
import { type AssetView, pathTo } from '@marquee/contracts';
import { IconAlertTriangle, IconClock } from '@tabler/icons-react';
import { AssetPicture } from '../../parts/asset-picture.js';
import { formatBytes } from '../../parts/bytes.js';
import { OutsideLink } from '../../parts/outside-link.js';
import { Section } from '../../parts/section.js';
import classes from './detail.module.css';

export function AssetsSection({ assets }: { assets: AssetView[] }) {
  return (
    <Section title={assets.length === 1 ? 'Slide' : 'Slides'} hint="In the order they are shown.">
      <ScrollArea.Autosize mah={560} type="auto" offsetScrollbars="present">
        <Stack gap="md" component="ol" m={0} p={0} style={{ listStyle: 'none' }}>
          {assets.map((asset) => (
            <Asset key={asset.id} asset={asset} />
          ))}
        </Stack>
      </ScrollArea.Autosize>
    </Section>
  );
}

const KINDS = { image: 'Image', video: 'Video', html: 'HTML page' };

function Asset({ asset }: { asset: AssetView }) {
  return (
    <li className={classes.asset}>
      <AssetPicture key={pictureOf(asset)} type={asset.assetType} url={pictureOf(asset)} />
      <Stack gap={3} miw={0}>
        <Text size="sm" fw={600}>
          {KINDS[asset.assetType]}
          <Text span c="dimmed" fw={400} size="sm">
            {' · '}
            {asset.durationMs === null
              ? asset.assetType === 'video'
                ? 'its own length'
                : 'standard time'
              : `${asset.durationMs / 1000} s`}
            {asset.sizeBytes > 0 && ` · ${formatBytes(asset.sizeBytes)}`}
          </Text>
        </Text>
        <OutsideLink url={asset.url} size="xs" truncate />
        {asset.checksum !== '' && <Checksum digest={asset.checksum} />}
        <Keeping asset={asset} />
      </Stack>
    </li>
  );
}

/** The kept copy where there is one: it is what screens get. */
function pictureOf(asset: AssetView): string {
  return asset.state === 'stored' && /^[0-9a-f]{64}$/.test(asset.checksum) ? pathTo('asset', asset.checksum) : asset.url;
}

function Checksum({ digest }: { digest: string }) {
  return (
    <CopyButton value={digest}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : `SHA-256 ${digest}`}>
          <UnstyledButton onClick={copy} aria-label={`Copy the checksum ${digest}`} style={{ alignSelf: 'flex-start' }}>
            <Code fz={11}>{digest.slice(0, 16)}…</Code>
          </UnstyledButton>
        </Tooltip>
      )}
    </CopyButton>
  );
}

/** Whether the server keeps a copy; what it means for the screens where it does not. */
function Keeping({ asset }: { asset: AssetView }) {
  if (asset.state === 'stored') return null;
  const failed = asset.state === 'failed';
  return (
    <Group gap={6} wrap="nowrap" align="flex-start" c={failed ? 'orange' : 'dimmed'} role="note">
      {failed ? (
        <IconAlertTriangle size={15} aria-hidden style={{ flexShrink: 0, marginTop: 2 }} />
      ) : (
        <IconClock size={15} aria-hidden style={{ flexShrink: 0, marginTop: 2 }} />
      )}
      <Text size="xs">
        {failed
          ? `The server could not keep a copy${asset.reason === null ? '' : `: ${asset.reason}`}. Screens fetch it from its own address and cannot verify it.`
          : 'The server is still fetching a copy. Until then screens fetch it from its own address and cannot verify it.'}
      </Text>
    </Group>
  );
}
