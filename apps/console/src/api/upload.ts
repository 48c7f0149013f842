import { pathTo, type StoredAsset, storedAsset } from '@marquee/contracts';
import { read } from './http.js';
import { problemOf, unreachable } from './problem.js';

export interface UploadOptions {
  /** 0..1; 1 when all bytes are out, though the server may still be storing them. */
  onProgress: (share: number) => void;
  signal: AbortSignal;
}

/** Uploads a file as an asset. Rejects with `ApiProblem`, or with the abort's reason. XMLHttpRequest: fetch cannot tell progress. */
export function uploadAsset(file: File, { onProgress, signal }: UploadOptions): Promise<StoredAsset> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.upload.onprogress = (event) => {
      if (event.lengthComputable && event.total > 0) onProgress(event.loaded / event.total);
    };
    request.onload = () => {
      try {
        if (request.status < 200 || request.status > 299) throw problemOf(request.status, request.responseText);
        resolve(read(storedAsset, request.status, request.responseText));
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    };
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(new DOMException('The upload was taken back', 'AbortError'));
    request.onloadend = () => signal.removeEventListener('abort', abort);
    signal.addEventListener('abort', abort, { once: true });
    request.open('POST', pathTo('assets'));
    request.setRequestHeader('accept', 'application/json');
    const form = new FormData();
    form.append('file', file);
    request.send(form);
  });
}
