/** The longer side of a picture of the screen: to be looked at by a person in the console. */
const PICTURE_PX = 1280;

/**
 * Runs in a built page: `(el) => Promise<Blob>`, a JPEG of what is shown, `el` being the element of the present slide. A page
 * cannot be drawn, nor may the bytes of a picture of another origin be read: a plain card names it instead.
 */
export const PICTURE_FUNCTION = `async (el) => {
  const { innerWidth: w, innerHeight: h } = window;
  const scale = Math.min(1, ${PICTURE_PX} / Math.max(w, h, 1));
  const canvas = (paint) => {
    const made = document.createElement('canvas');
    made.width = Math.max(1, w * scale);
    made.height = Math.max(1, h * scale);
    const to = made.getContext('2d');
    to.scale(scale, scale);
    to.fillStyle = getComputedStyle(body).backgroundColor;
    to.fillRect(0, 0, w, h);
    paint(to);
    return new Promise((done) => made.toBlob(done, 'image/jpeg', 0.85));
  };
  const lines = (to, texts, size, y) => {
    to.textAlign = 'center';
    to.fillStyle = '#fff';
    to.shadowColor = '#000';
    to.shadowBlur = size / 3;
    to.font = '600 ' + size + 'px system-ui,sans-serif';
    texts.forEach((text, n) => to.fillText(text, w / 2, y + n * size * 1.4, w * 0.92));
  };
  const code = (to) => {
    const svg = document.querySelector('.qr.on');
    if (!svg) return;
    const { x, y, width } = svg.getBoundingClientRect();
    const module = width / svg.viewBox.baseVal.width;
    to.save();
    to.shadowColor = 'transparent';
    to.fillStyle = '#fff';
    to.fillRect(x, y, width, width);
    to.translate(x - svg.viewBox.baseVal.x * module, y - svg.viewBox.baseVal.y * module);
    to.scale(module, module);
    to.fillStyle = '#000';
    to.fill(new Path2D(svg.firstChild.getAttribute('d')));
    to.restore();
  };
  const slide = (to) => {
    const iw = el.videoWidth || el.naturalWidth || w, ih = el.videoHeight || el.naturalHeight || h;
    const fit = { contain: Math.min, cover: Math.max }[body.dataset.fit];
    const [x, y] = fit ? Array(2).fill(fit(w / iw, h / ih)) : [w / iw, h / ih];
    to.drawImage(el, (w - iw * x) / 2, (h - ih * y) / 2, iw * x, ih * y);
    const unit = Math.min(w, h) / 100, texts = [...document.querySelectorAll('.text p')].map((p) => p.textContent);
    lines(to, texts, 5 * unit, h - 4 * unit - (texts.length - 1) * 7 * unit);
    code(to);
  };
  const card = (to) => {
    to.fillStyle = '#1b1b20';
    to.fillRect(0, 0, w, h);
    const what = el ? (el.tagName === 'IFRAME' ? 'a web page is shown, of which a browser gives no picture' : 'its picture may not be read') : 'nothing is shown yet';
    lines(to, [document.title, what], Math.min(w, h) / 18, h / 2);
  };
  try {
    return await canvas(el && el.tagName !== 'IFRAME' ? slide : card);
  } catch {
    return canvas(card);
  }
}`;
