import { useDebouncedValue } from '@mantine/hooks';
import type { SlideDraft } from './draft.js';
import { AssetPicture } from '../../parts/asset-picture.js';
import type { Upload } from './use-uploads.js';

/** The slide as far as it is known: the chosen file, else what its address answers. */
export function SlidePreview({ slide, upload }: { slide: SlideDraft; upload: Upload | undefined }) {
  const [typed] = useDebouncedValue(slide.source === 'url' ? slide.url : '', 600);
  const url = slide.source === 'url' ? typed : (upload?.preview ?? '');
  return <AssetPicture key={`${slide.assetType} ${url}`} type={slide.assetType} url={url} />;
}
