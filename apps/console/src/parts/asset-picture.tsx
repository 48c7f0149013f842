import { useInViewport } from '@mantine/hooks';
import type { AssetType } from '@marquee/contracts';
import { IconBrandHtml5, IconMovie, IconPhoto } from '@tabler/icons-react';
import { useState } from 'react';
import classes from './asset-picture.module.css';
import { httpHref } from './outside.js';

const ICONS = { image: IconPhoto, video: IconMovie, html: IconBrandHtml5 };

interface AssetPictureProps {
  type: AssetType;
  url: string;
  alt?: string;
}

/** A still look at an asset, or its kind's icon when there is nothing to show. HTML is never run here. Give it a key by URL. */
export function AssetPicture(asset: AssetPictureProps) {
  return (
    <div className={classes.frame}>
      <Picture {...asset} />
    </div>
  );
}

function Picture({ type, url, alt = '' }: AssetPictureProps) {
  const [failed, setFailed] = useState(false);
  const source = url.startsWith('blob:') ? url : url === '' ? undefined : httpHref(url);
  if (source !== undefined && !failed) {
    if (type === 'image') return <img src={source} alt={alt} loading="lazy" referrerPolicy="no-referrer" onError={() => setFailed(true)} />;
    if (type === 'video') return <VideoStill source={source} label={alt} onError={() => setFailed(true)} />;
  }
  const Icon = ICONS[type];
  return <Icon size={30} stroke={1.3} aria-hidden="true" />;
}

/** The first picture of a video, fetched once it is in sight: there may be a hundred of them. */
function VideoStill({ source, label, onError }: { source: string; label: string; onError: () => void }) {
  const { ref, inViewport } = useInViewport<HTMLVideoElement>();
  return <video ref={ref} src={source} muted playsInline preload={inViewport ? 'metadata' : 'none'} aria-label={label} onError={onError} />;
}
