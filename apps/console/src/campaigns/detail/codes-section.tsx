import { ActionIcon, Alert, Button, CopyButton, Group, SimpleGrid, Skeleton, Stack, Text, Tooltip } from '@mantine/core';
import type { CampaignDetail } from '@marquee/contracts';
import { IconCheck, IconCopy, IconDownload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { queries } from '../../api/queries.js';
import { OutsideLink } from '../../parts/outside-link.js';
import { Section } from '../../parts/section.js';
import { Trouble } from '../../parts/trouble.js';
import classes from './detail.module.css';
import { QR_BOX, type QrPicture, qrPicture, qrPng, qrSvg } from './qr-picture.js';

/** The QR code of each slide, to be scanned from the page, copied or printed. Screens draw codes of their own. */
export function CodesSection({ campaign }: { campaign: CampaignDetail }) {
  const codes = useQuery({ ...queries.codes(campaign.id, campaign.version), enabled: campaign.clickUrl !== null });
  if (campaign.clickUrl === null) return null;
  const first = codes.data?.codes[0]?.link;
  return (
    <Section
      title="QR codes"
      hint={
        <>
          Lead to <OutsideLink url={campaign.clickUrl} />. Each screen draws its own; these name the slide alone, for print.
        </>
      }
    >
      {codes.isError && <Trouble title="The codes could not be read" error={codes.error} onRetry={() => void codes.refetch()} />}
      {first !== undefined && isLocal(first) && (
        <Alert color="yellow" title="Phones cannot follow these links">
          They lead to this machine itself. Set API_BASE_URL to an address of this server that phones reach.
        </Alert>
      )}
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} component="ul" m={0} p={0} style={{ listStyle: 'none' }}>
        {codes.isPending && <Skeleton height={112} />}
        {codes.data?.codes.map(({ assetId, link }, index) => (
          <Code key={assetId} slide={index + 1} link={link} />
        ))}
      </SimpleGrid>
    </Section>
  );
}

function isLocal(link: string): boolean {
  return URL.canParse(link) && /^(localhost|127\.[\d.]+|\[::1\])$/.test(new URL(link).hostname);
}

function Code({ slide, link }: { slide: number; link: string }) {
  const picture = useMemo(() => qrPicture(link), [link]);
  const name = `slide-${slide}`;
  return (
    <li className={classes.code}>
      <svg
        className={classes.qr}
        viewBox={QR_BOX(picture.side)}
        shapeRendering="crispEdges"
        role="img"
        aria-label={`QR code of slide ${slide}`}
      >
        <path d={picture.path} />
      </svg>
      <Stack gap={6} miw={0}>
        <Text size="sm" fw={600}>
          Slide {slide}
        </Text>
        <Group gap={4} wrap="nowrap">
          <OutsideLink url={link} size="xs" truncate />
          <CopyLink link={link} />
        </Group>
        <Group gap={6}>
          <Download label="SVG" name={`${name}.svg`} picture={picture} make={qrSvg} />
          <Download label="PNG" name={`${name}.png`} picture={picture} make={qrPng} />
        </Group>
      </Stack>
    </li>
  );
}

function CopyLink({ link }: { link: string }) {
  return (
    <CopyButton value={link}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : 'Copy the link'}>
          <ActionIcon variant="subtle" color="gray" size="sm" onClick={copy} aria-label={`Copy the link ${link}`}>
            {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}

interface DownloadProps {
  label: string;
  name: string;
  picture: QrPicture;
  make: (picture: QrPicture) => Blob | Promise<Blob>;
}

function Download({ label, name, picture, make }: DownloadProps) {
  const save = async () => {
    const url = URL.createObjectURL(await make(picture));
    const anchor = document.createElement('a');
    anchor.href = url;
    anchor.download = name;
    anchor.click();
    // The browser has begun to read it by the next task.
    setTimeout(() => URL.revokeObjectURL(url));
  };
  return (
    <Button size="compact-xs" variant="default" leftSection={<IconDownload size={13} />} onClick={() => void save()}>
      {label}
    </Button>
  );
}
