/** Runs in a page: films a canvas for so many ms and gives the film in base64. Text, as this program knows no DOM. */
export const FILM = (ms: number): string => `(async () => {
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
    context.fillStyle = 'hsl(' + (performance.now() % 360) + ' 100% 50%)';
    context.fillRect(0, 0, 64, 64);
    await new Promise(requestAnimationFrame);
  }
  recorder.stop();
  await stopped;
  const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
})()`;
