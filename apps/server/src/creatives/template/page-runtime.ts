import { QR_QUIET_ZONE, STAGE_CHANNEL, STAGE_FRAME_NAME, STAGE_REPLY_TIMEOUT_MS } from '@marquee/contracts';
import { PICTURE_FUNCTION } from './page-picture.js';
import { compact, scriptText } from './script-text.js';

/**
 * The scripts and styles of every built page. They are the same in all pages (what differs stands in data attributes), so their
 * hashes are too. Held as text because they run in the page, where nothing of this program can be imported; the browser tests
 * are what runs them.
 */

/** How long a picture, video or page may take to show itself before the next way to get it is tried. */
const LOAD_TIMEOUT_MS = 15_000;
/** Pause when no slide at all can be shown, before all are tried again. */
const ALL_BROKEN_MS = 5_000;
/** A video that has not moved for so long is passed over. */
const STALL_MS = 10_000;
/** What is not painted within this (a window that nobody sees paints nothing) counts as painted. */
const PAINT_MS = 100;

/**
 * The document of a frame in which an HTML asset is shown. A frame made from text inherits the policy of the page that makes
 * it, which forbids all script but the page's own; so these frames are made by the very first script, ahead of the policy, and
 * get the asset's text later by message. It goes one sandboxed frame deeper, which is thrown away after each turn.
 */
const FRAME_DOCUMENT = [
  '<!doctype html><style>html,body,iframe{margin:0;border:0;width:100%;height:100%;position:absolute;overflow:hidden}</style>',
  '<body><script>onmessage=e=>{if(e.source!==parent)return;document.body.replaceChildren();if(typeof e.data!=="string")return;',
  'const f=document.createElement("iframe");f.setAttribute("sandbox","allow-scripts");f.srcdoc=e.data;',
  'f.onload=()=>parent.postMessage("loaded","*");document.body.append(f)}</',
  'script>',
].join('');

/** Runs ahead of the policy: makes as many frames as the page has HTML assets (`data-frames`). */
export const FRAMES_SCRIPT = compact(`
  ((root) => {
    for (let n = Number(root.dataset.frames); n > 0; n--) {
      const frame = document.createElement('iframe');
      frame.className = 'show page';
      frame.setAttribute('sandbox', 'allow-scripts');
      frame.srcdoc = ${scriptText(FRAME_DOCUMENT)};
      frame.opened = new Promise((done) => { frame.onload = done; });
      root.append(frame);
    }
  })(document.documentElement);
`);

/** Shows the slides in a loop. The one on screen stays until the next can be drawn, so nothing is ever blank in between. */
export const STAGE_SCRIPT = compact(`
  (() => {
    const CHANNEL = ${scriptText(STAGE_CHANNEL)};
    const host = parent === window ? null : parent;
    const { body } = document;
    const LEAVE_MS = body.dataset.transition === 'none' ? 100 : 700;
    const pages = [...document.querySelectorAll('.page')];
    const slides = [...document.querySelectorAll('section')].map(({ dataset: d, firstChild }) => ({
      qr: firstChild, id: d.assetId, type: d.type, ms: Number(d.duration), urls: [d.fallback, d.src], page: d.type === 'html' ? pages.shift() : null,
    }));
    const blobs = new Map();
    const heard = new Map();
    const wait = (ms) => new Promise((done) => setTimeout(done, ms));
    const inTime = (work) => Promise.race([work, wait(${LOAD_TIMEOUT_MS}).then(() => Promise.reject())]);
    const tell = (message) => host?.postMessage({ channel: CHANNEL, ...message }, '*');
    body.style.background = body.dataset.background;

    let el, play;
    const told = new Promise((done) => { play = done; });
    if (!host || name !== ${scriptText(STAGE_FRAME_NAME)}) play();
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const painted = () => Promise.race([frame().then(frame), wait(${PAINT_MS})]);
    const draw = ${PICTURE_FUNCTION};

    addEventListener('message', ({ source, data }) => {
      if (source !== host || data?.channel !== CHANNEL) return;
      if (data.type === 'play') return play();
      if (data.type === 'picture') return draw(el).then((blob) => tell({ type: 'picture', blob }));
      if (data.type === 'qr') return redraw(data);
      if (data.type !== 'asset') return;
      if (data.blob instanceof Blob) blobs.set(data.assetId, data.blob);
      heard.get(data.assetId)?.();
    });

    // A player draws a code that tells its screen from the others.
    const redraw = ({ assetId, size, path }) => {
      const code = slides.find(({ id }) => id === assetId)?.qr;
      if (!code || !(size > 0)) return;
      code.setAttribute('viewBox', [-${QR_QUIET_ZONE}, -${QR_QUIET_ZONE}, size + ${2 * QR_QUIET_ZONE}, size + ${2 * QR_QUIET_ZONE}].join(' '));
      code.firstChild.setAttribute('d', path);
    };

    // An answer that comes too late is there at the next turn.
    const blobOf = async ({ id, qr }) => {
      if (host && !blobs.has(id)) {
        const answer = new Promise((done) => heard.set(id, done));
        if (qr) tell({ type: 'qr', assetId: id });
        tell({ type: 'asset', assetId: id });
        await Promise.race([answer, wait(${STAGE_REPLY_TIMEOUT_MS})]);
      }
      return blobs.get(id);
    };

    const drop = (el) => {
      el.classList.remove('on', 'comes');
      if (el.classList.contains('page')) return el.contentWindow.postMessage(null, '*');
      const { src } = el;
      el.onerror = null;
      el.remove();
      if (el.pause) {
        el.removeAttribute('src');
        el.load();
      }
      if (src.startsWith('blob:')) URL.revokeObjectURL(src);
    };

    const openPage = async (page, blob) => {
      const text = await blob.text();
      await page.opened;
      await new Promise((done) => {
        page.heard = done;
        page.contentWindow.postMessage(text, '*');
      });
      return page;
    };
    addEventListener('message', ({ source, data }) => {
      if (data === 'loaded') slides.find(({ page }) => page?.contentWindow === source)?.page.heard();
    });

    const openUrl = async ({ type, ms }, url) => {
      const el = document.createElement({ image: 'img', video: 'video' }[type] ?? 'iframe');
      el.className = 'show';
      try {
        await inTime(new Promise((done, fail) => {
          el.onerror = fail;
          if (type === 'video') {
            el.muted = el.playsInline = true;
            el.preload = 'auto';
            el.loop = ms > 0;
            el.onloadeddata = done;
          }
          if (type === 'html') {
            // What a frame of another origin failed to load cannot be told; being offline can.
            if (!navigator.onLine) fail();
            el.setAttribute('sandbox', 'allow-scripts');
            el.onload = done;
          }
          el.src = url;
          body.append(el);
          if (type === 'image') el.decode().then(done, fail);
        }));
        return el;
      } catch {
        drop(el);
      }
    };

    const mount = async (slide) => {
      const blob = await blobOf(slide);
      const opened = slide.page && blob && (await inTime(openPage(slide.page, blob)).catch(() => null));
      const urls = [!slide.page && blob && URL.createObjectURL(blob), ...slide.urls].filter(Boolean);
      let el = opened;
      while (!el && urls.length) el = await openUrl(slide, urls.shift());
      return el;
    };
    const prepare = (slide) => (slide.coming ??= mount(slide));

    const turn = ({ type, ms }, el) => new Promise((done) => {
      const end = () => {
        clearInterval(timer);
        done();
      };
      let at = -1;
      const moved = () => at !== (at = el.currentTime);
      const timer = ms ? setTimeout(end, ms) : setInterval(() => moved() || end(), ${STALL_MS});
      if (type !== 'video') return;
      el.onended = end;
      el.onerror = () => {
        el.broken = true;
        end();
      };
      el.play().catch(() => {});
    });

    (async () => {
      let on, begun, z = 0, misses = 0;
      for (let i = 0; slides.length; i = (i + 1) % slides.length) {
        const slide = slides[i];
        const next = slide === on && !el.broken ? el : await prepare(slide);
        slide.coming = null;
        if (!next) {
          if (++misses % slides.length === 0) await wait(${ALL_BROKEN_MS});
          continue;
        }
        misses = 0;
        on = slide;
        slides.forEach((one) => one.qr?.classList.toggle('on', one === slide));
        if (next !== el) {
          const old = el;
          el = next;
          el.style.zIndex = ++z;
          el.classList.add('on');
          if (old) {
            el.classList.add('comes');
            setTimeout(() => old === el || drop(old), LEAVE_MS);
          }
        }
        const after = slides[(i + 1) % slides.length];
        // A page would start to move as soon as it is opened, so only its text is fetched ahead.
        if (after !== slide) after.page ? blobOf(after) : prepare(after);
        if (!begun) {
          begun = true;
          await painted();
          tell({ type: 'ready' });
          await told;
        }
        tell({ type: 'slide', assetId: slide.id, index: i });
        await turn(slide, el);
      }
      tell({ type: 'ready' });
    })();
  })();
`);

export const PAGE_STYLE = compact(`
  html,body{margin:0;height:100%;overflow:hidden}
  body{background:#000;color:#fff}
  .show{position:fixed;inset:0;width:100%;height:100%;border:0;background:inherit;visibility:hidden}
  iframe.show{background:#fff}
  .on{visibility:visible}
  [data-fit=contain] .show{object-fit:contain}
  [data-fit=cover] .show{object-fit:cover}
  [data-fit=fill] .show{object-fit:fill}
  [data-transition=fade] .comes{animation:fade .6s}
  [data-transition=slide] .comes{animation:slide .6s}
  @keyframes fade{from{opacity:0}}
  @keyframes slide{from{transform:translateX(100%)}}
  .text{position:fixed;inset:auto 0 0;z-index:2147483647;padding:3vmin 4vmin;font:600 5vmin/1.25 system-ui,sans-serif}
  .text{text-align:center;text-shadow:0 0 .15em #000,0 .05em .3em #000;overflow-wrap:anywhere;white-space:pre-line}
  .text p{margin:.2em 0}
  .qr{position:fixed;z-index:2147483647;width:24vmin;height:24vmin;background:#fff;border-radius:1vmin}
  .qr:not(.on){visibility:hidden}
  [data-qr^=bottom] .qr{bottom:4vmin}
  [data-qr^=top] .qr{top:4vmin}
  [data-qr$=right] .qr{right:4vmin}
  [data-qr$=left] .qr{left:4vmin}
  [data-qr=bottom-right] .text{padding-right:31vmin}
  [data-qr=bottom-left] .text{padding-left:31vmin}
`);
