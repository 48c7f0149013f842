/**
 * Runs in a page: films a canvas for so many ms and gives the film (WebM) in base64. `colour` is an expression of the page that gives what the
 * canvas is filled with, ever another one. Text, as this program knows no DOM.
 */
export const FILM = (ms: number, colour = "'hsl(' + (performance.now() % 360) + ' 100% 50%)'"): string => `(async () => {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 64;
  const context = canvas.getContext('2d');
  const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: 'video/webm;codecs=vp8' });
  const pieces = [];
  recorder.ondataavailable = ({ data }) => pieces.push(data);
  const stopped = new Promise((done) => { recorder.onstop = done; });
  recorder.start(100);
  const began = performance.now();
  while (performance.now() - began < ${ms}) {
    context.fillStyle = ${colour};
    context.fillRect(0, 0, 64, 64);
    await new Promise(requestAnimationFrame);
  }
  recorder.stop();
  await stopped;
  const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
})()`;
