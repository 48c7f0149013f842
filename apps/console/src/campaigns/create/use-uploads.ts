import type { StoredAsset } from '@marquee/contracts';
import { useCallback, useEffect, useRef, useState } from 'react';
import { reasonsOf } from '../../api/problem.js';
import { uploadAsset } from '../../api/upload.js';
import { assetTypeOf } from './draft.js';

/** The file of one slide on its way to the server. */
export interface Upload {
  name: string;
  sizeBytes: number;
  /** 0..1. */
  progress: number;
  state: 'uploading' | 'stored' | 'failed';
  reason: string | undefined;
  /** An object URL, for images and videos only: an HTML file would run with this page's origin. */
  preview: string | undefined;
}

export interface Uploads {
  /** By slide key. */
  of: (slideKey: string) => Upload | undefined;
  start: (slideKey: string, file: File) => void;
  /** Takes the slide's file back, also in mid-air. */
  drop: (slideKey: string) => void;
  busy: boolean;
}

/** Uploads of a form's slides, by slide key. `onStored` gets each stored asset; leaving the page stops what is under way. */
export function useUploads(onStored: (slideKey: string, asset: StoredAsset) => void): Uploads {
  const [uploads, setUploads] = useState<ReadonlyMap<string, Upload>>(new Map());
  const { begin, end } = useFlights();

  const start = (slideKey: string, file: File) => {
    const { signal, preview } = begin(slideKey, file);
    const change = (part: Partial<Upload>) =>
      setUploads((old) => {
        const upload = old.get(slideKey);
        return upload === undefined || signal.aborted ? old : new Map(old).set(slideKey, { ...upload, ...part });
      });
    const first: Upload = { name: file.name, sizeBytes: file.size, progress: 0, state: 'uploading', reason: undefined, preview };
    setUploads((old) => new Map(old).set(slideKey, first));
    uploadAsset(file, { onProgress: (progress) => change({ progress }), signal })
      .then((asset) => {
        if (signal.aborted) return;
        change({ state: 'stored', progress: 1 });
        onStored(slideKey, asset);
      })
      .catch((error: unknown) => change({ state: 'failed', reason: reasonsOf(error).join(' ') }));
  };

  return {
    of: (slideKey) => uploads.get(slideKey),
    start,
    drop: (slideKey) => {
      end(slideKey);
      setUploads((old) => new Map([...old].filter(([key]) => key !== slideKey)));
    },
    busy: [...uploads.values()].some((upload) => upload.state === 'uploading'),
  };
}

/** What an upload holds beside its state: the way to stop it, and its preview's object URL. Both are given back at its end. */
function useFlights() {
  const flights = useRef(new Map<string, { stop: AbortController; preview: string | undefined }>());

  const end = useCallback((slideKey: string) => {
    const flight = flights.current.get(slideKey);
    flight?.stop.abort();
    if (flight?.preview !== undefined) URL.revokeObjectURL(flight.preview);
    flights.current.delete(slideKey);
  }, []);

  useEffect(() => {
    const all = flights.current;
    return () => {
      for (const key of all.keys()) end(key);
    };
  }, [end]);

  const begin = (slideKey: string, file: File) => {
    end(slideKey);
    const stop = new AbortController();
    const kind = assetTypeOf(file.type) ?? assetTypeOf(file.name);
    const preview = kind === 'image' || kind === 'video' ? URL.createObjectURL(file) : undefined;
    flights.current.set(slideKey, { stop, preview });
    return { signal: stop.signal, preview };
  };

  return { begin, end };
}
