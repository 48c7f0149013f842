import { Skeleton, Text } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { type CampaignDetail, pathTo, STAGE_CHANNEL, type StageReply, type StageRequest } from '@marquee/contracts';
import { useQuery } from '@tanstack/react-query';
import { type RefObject, useEffect, useRef } from 'react';
import { queries } from '../../api/queries.js';
import classes from './detail.module.css';

const STAGE_WIDTH = 1920;

/**
 * The built page at a screen's size, scaled down. It may hold foreign HTML and scripts: the sandbox gives it an origin of its own,
 * no forms, no popups and no way to navigate this page.
 */
export function TemplatePreview({ campaign }: { campaign: CampaignDetail }) {
  const built = campaign.status !== 'draft' && campaign.status !== 'building';
  const template = useQuery({ ...queries.template(campaign.id, campaign.version), enabled: built });
  const { ref, width } = useElementSize<HTMLDivElement>();
  const stage = useRef<HTMLIFrameElement>(null);
  useStageReplies(stage);

  if (!built) return <Waiting text="It is not built yet." />;
  if (template.isPending) return <Skeleton className={classes.waiting ?? ''} />;
  if (template.isError) return <Waiting text="The built page cannot be read right now." />;
  if (!template.data) return <Waiting text="It was never built." />;
  return (
    <div className={classes.stage} ref={ref}>
      <iframe
        ref={stage}
        title={`Preview of ${campaign.name}`}
        src={pathTo('template', campaign.id)}
        sandbox="allow-scripts"
        referrerPolicy="no-referrer"
        loading="lazy"
        tabIndex={-1}
        style={{ transform: `scale(${width / STAGE_WIDTH})` }}
      />
    </div>
  );
}

/** The built page asks its parent for each asset. This one has none, and says so at once, so that the page need not wait for it. */
function useStageReplies(stage: RefObject<HTMLIFrameElement | null>): void {
  useEffect(() => {
    const answer = ({ source, data }: MessageEvent<unknown>) => {
      const target = stage.current?.contentWindow;
      if (target === undefined || target === null || source !== target || !isAssetRequest(data)) return;
      const reply: StageReply = { channel: STAGE_CHANNEL, type: 'asset', assetId: data.assetId, blob: null };
      // The frame's origin is opaque, so it cannot be named; nothing is told but that there is nothing.
      target.postMessage(reply, '*');
    };
    window.addEventListener('message', answer);
    return () => window.removeEventListener('message', answer);
  }, [stage]);
}

function isAssetRequest(data: unknown): data is StageRequest & { type: 'asset' } {
  if (typeof data !== 'object' || data === null || !('channel' in data) || !('type' in data) || !('assetId' in data)) return false;
  return data.channel === STAGE_CHANNEL && data.type === 'asset' && typeof data.assetId === 'string';
}

function Waiting({ text }: { text: string }) {
  return (
    <div className={classes.waiting}>
      <Text size="sm">{text}</Text>
    </div>
  );
}
