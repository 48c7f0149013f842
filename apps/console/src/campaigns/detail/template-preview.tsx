import { Skeleton, Text } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { type CampaignDetail, pathTo } from '@marquee/contracts';
import { useQuery } from '@tanstack/react-query';
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

  if (!built) return <Waiting text="It is not built yet." />;
  if (template.isPending) return <Skeleton className={classes.waiting ?? ''} />;
  if (template.isError) return <Waiting text="The built page cannot be read right now." />;
  if (!template.data) return <Waiting text="It was never built." />;
  return (
    <div className={classes.stage} ref={ref}>
      <iframe
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

function Waiting({ text }: { text: string }) {
  return (
    <div className={classes.waiting}>
      <Text size="sm">{text}</Text>
    </div>
  );
}
