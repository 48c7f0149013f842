import { describe, expect, it } from 'vitest';
import { chromium, eachScreen } from './each-screen.js';
import { picture, waitingTemplate } from './rig.js';
import type { ScreenRig } from './screen-rig.js';

const CHANNEL = 'marquee-stage-1';

/** What hostile script tries, each answered by 'denied' or by what it got; told to whoever framed it, in the page's title. */
const ATTEMPTS = (brokerUrl: string, device: string) => `(async () => {
  const tries = {
    parent: () => parent.document.title,
    top: () => top.document.title,
    address: () => parent.location.href,
    cookies: () => document.cookie,
    localStorage: () => localStorage.length,
    sessionStorage: () => sessionStorage.length,
    database: () => new Promise((done, fail) => { const opening = indexedDB.open('marquee-player:${device}'); opening.onsuccess = done; opening.onerror = fail; }),
    caches: () => caches.keys(),
    worker: () => navigator.serviceWorker.getRegistrations(),
    locks: () => navigator.locks.query(),
    channel: () => new Promise((done, fail) => { new BroadcastChannel('x').onmessage = done; setTimeout(fail, 100); }),
    navigate: () => { top.location = 'about:blank'; },
    popup: () => { if (!window.open('about:blank')) throw 0; },
    link: () => { const a = document.createElement('a'); a.target = '_top'; a.href = 'about:blank'; document.body.append(a); a.click(); return new Promise((done, fail) => setTimeout(fail, 100)); },
    form: () => { const form = document.createElement('form'); form.target = '_top'; form.action = 'about:blank'; document.body.append(form); form.submit(); return new Promise((done, fail) => setTimeout(fail, 100)); },
    confirm: () => { if (!confirm('?')) throw 0; },
    prompt: () => { if (prompt('?') === null) throw 0; },
    fullscreen: () => document.documentElement.requestFullscreen(),
    pointer: () => document.documentElement.requestPointerLock(),
    keyboard: () => navigator.keyboard.lock(),
    camera: () => navigator.mediaDevices.getUserMedia({ video: true }),
    socket: () => new Promise((done, fail) => { const socket = new WebSocket('${brokerUrl}', 'mqtt'); socket.onopen = done; socket.onerror = fail; }),
    name: () => { for (const text of [document.referrer, document.baseURI, String(location)]) if (text.includes('${device}')) return text; throw 0; },
  };
  const got = {};
  for (const [name, attempt] of Object.entries(tries)) {
    try { const answer = await attempt(); got[name] = 'got ' + answer; } catch { got[name] = 'denied'; }
  }
  alert('stop');
  return got;
})()`;

describe.skipIf(chromium === undefined)('the isolation of what the player page shows', () => {
  let rig: ScreenRig;
  eachScreen(async (fresh) => {
    rig = fresh;
    await rig.online();
  });

  const offer = (html: string, over: Record<string, unknown> = {}) => {
    const manifest = rig.campaign(over);
    const offered = { ...manifest, ...rig.template(manifest.campaignId, 1, html) };
    rig.offer(offered);
    return offered.campaignId;
  };
  const shown = async () => {
    const frame = await (await rig.page.$('#display iframe'))?.contentFrame();
    if (frame === null || frame === undefined) throw new Error('nothing is shown');
    return frame;
  };
  const denied = (got: Record<string, string>) => Object.entries(got).filter(([, answer]) => answer !== 'denied');

  it('keeps a hostile template out of this page, its storage, its link and the person’s way', async () => {
    const dialogs: string[] = [];
    rig.page.on('dialog', (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    const hostile = offer(`<!doctype html><body><script>
      ${ATTEMPTS(rig.broker.url, rig.device)}.then((got) => { document.title = JSON.stringify(got); });
      parent.postMessage({ channel: '${CHANNEL}', type: 'ready' }, '*');
    </script>`);
    await rig.broker.event(rig.device, 'DISPLAY_START', hostile);
    const frame = await shown();
    await expect.poll(() => frame.title()).toContain('name');
    const got = JSON.parse(await frame.title()) as Record<string, string>;
    expect(Object.keys(got)).toHaveLength(23);
    expect(denied(got)).toEqual([]);
    expect(dialogs).toEqual([]);
    expect(rig.page.context().pages()).toHaveLength(1);
    expect(rig.page.url()).toContain('/player/');
    // The screen is still itself to its broker.
    expect(rig.broker.statuses.filter(({ status }) => status.status === 'offline')).toEqual([]);
  });

  it('keeps a hostile HTML asset inside of a template out of all that too', async () => {
    const page = `<script>${ATTEMPTS(rig.broker.url, rig.device)}.then((got) => parent.postMessage({ got }, '*'))</script>`;
    const id = offer(`<!doctype html><body><script>
      addEventListener('message', ({ data }) => { if (data.got) document.title = JSON.stringify(data.got); });
      const inner = document.createElement('iframe');
      inner.setAttribute('sandbox', 'allow-scripts');
      inner.srcdoc = ${JSON.stringify(page).replaceAll('</', '<\\/')};
      document.body.append(inner);
    </script>`);
    await rig.broker.event(rig.device, 'DISPLAY_START', id);
    const frame = await shown();
    await expect.poll(() => frame.title()).toContain('name');
    expect(denied(JSON.parse(await frame.title()) as Record<string, string>)).toEqual([]);
    expect(rig.page.url()).toContain('/player/');
  });

  it('takes the keyboard back from one that takes it, and the whole stage from one that goes on', async () => {
    const grab = `window.focus(); document.querySelector('input').focus()`;
    const once = offer(
      `<!doctype html><body><input><script>${grab}; addEventListener('keydown', () => { document.title = 'heard'; });</script>`,
    );
    await rig.broker.event(rig.device, 'DISPLAY_START', once);
    await rig.page.mouse.click(300, 300);
    await expect.poll(() => rig.page.evaluate(() => document.activeElement?.tagName)).toBe('BODY');
    await rig.page.keyboard.press('i');
    await expect.poll(() => rig.page.locator('#overlay').isVisible()).toBe(true);
    expect(await (await shown()).title()).toBe('');
    const again = offer(`<!doctype html><body><input><script>setInterval(() => { ${grab} }, 10);</script>`, { priority: 1 });
    const error = await rig.broker.event(rig.device, 'ERROR', again);
    expect(error.payload?.['reason']).toBe('its template takes the keyboard of this screen');
    await rig.page.keyboard.press('i');
    await expect.poll(() => rig.page.locator('#overlay').isVisible()).toBe(false);
  });

  it('answers a frame with its own assets only, and listens to no frame inside of it', async () => {
    const secret = rig.asset('/assets/secret.svg', picture('gold'));
    const own = rig.asset('/assets/own.svg', picture('tan'));
    rig.offer(rig.campaign({ assets: [secret], priority: -5 }));
    const ask = (id: string) => `postMessage({ channel: '${CHANNEL}', type: 'asset', assetId: '${id}' }, '*')`;
    const inner = `<script>top.${ask(own.id)}; onmessage = () => parent.postMessage({ inner: 1 }, '*')</script>`;
    const id = offer(
      `<!doctype html><body><script>
        const told = {};
        addEventListener('message', ({ data }) => {
          if (data.inner) told.inner = 'answered';
          if (data.type === 'asset') told[data.assetId] = data.blob === null ? 'nothing' : 'blob';
          document.title = JSON.stringify(told);
        });
        const inner = document.createElement('iframe');
        inner.srcdoc = ${JSON.stringify(inner).replaceAll('</', '<\\/')};
        document.body.append(inner);
        inner.onload = () => { parent.${ask(secret.id)}; parent.${ask(own.id)}; };
      </script>`,
      { assets: [own] },
    );
    await rig.broker.event(rig.device, 'DISPLAY_START', id);
    const frame = await shown();
    await expect.poll(() => frame.title()).toContain(own.id);
    expect(JSON.parse(await frame.title())).toEqual({ [secret.id]: 'nothing', [own.id]: 'blob' });
  });

  it('takes one that leaves for another page off the air, does not listen to that page, and says so', async () => {
    const asset = rig.asset('/assets/grey.svg', picture('grey'));
    rig.server.answers.set('/elsewhere.html', {
      body: `<body style="background:red"><script>
        for (const type of ['ready', 'slide', 'asset']) parent.postMessage({ channel: '${CHANNEL}', type, assetId: '${asset.id}', index: 0 }, '*');
        onmessage = ({ data }) => { if (data.type === 'asset') fetch('/stolen', { mode: 'no-cors' }); };
      </script>`,
    });
    const quiet = rig.campaign({ priority: -1, colour: 'teal' });
    rig.offer(quiet);
    await rig.broker.event(rig.device, 'DISPLAY_START', quiet.campaignId);
    const id = offer(
      `<!doctype html><body><script>
        parent.postMessage({ channel: '${CHANNEL}', type: 'ready' }, '*');
        onmessage = ({ data }) => { if (data.type === 'play') location = '${rig.server.url}/elsewhere.html'; };
      </script>`,
      { assets: [asset] },
    );
    const error = await rig.broker.event(rig.device, 'ERROR', id);
    expect(error.payload?.['reason']).toBe('its template left for another page');
    await rig.broker.event(rig.device, 'DISPLAY_START', quiet.campaignId, 2);
    expect(await rig.shownColour()).toBe('teal');
    expect(rig.broker.kinds(rig.device, id)).toEqual(['INSTALL_ACK', 'DISPLAY_START', 'ERROR', 'DISPLAY_COMPLETE']);
    await rig.page.keyboard.press('i');
    await expect.poll(() => rig.page.locator('#overlay').innerText()).toContain('taken off: its template broke the rules');
    await expect.poll(() => rig.page.locator('iframe').count()).toBe(1);
  });

  it('takes one that floods it with messages off the air, and lives on', async () => {
    const id = offer(`<!doctype html><body><script>
      parent.postMessage({ channel: '${CHANNEL}', type: 'ready' }, '*');
      const flood = () => { for (let n = 0; n < 5_000; n += 1) parent.postMessage({ channel: '${CHANNEL}', type: 'slide', assetId: 'x'.repeat(1_000), index: n }, '*'); setTimeout(flood); };
      flood();
    </script>`);
    const error = await rig.broker.event(rig.device, 'ERROR', id);
    expect(error.payload?.['reason']).toBe('its template floods this screen with messages');
    const next = rig.campaign({ colour: 'teal' });
    rig.offer(next);
    await rig.broker.event(rig.device, 'DISPLAY_START', next.campaignId);
    expect(await rig.shownColour()).toBe('teal');
  });

  it('outlives one that never ends its script, and shows the next one', async () => {
    const id = offer(`<!doctype html><body><script>parent.postMessage({ channel: '${CHANNEL}', type: 'ready' }, '*'); for (;;);</script>`);
    await rig.broker.event(rig.device, 'DISPLAY_START', id);
    await rig.page.keyboard.press('i');
    await expect.poll(() => rig.page.locator('#overlay').isVisible()).toBe(true);
    rig.revoke(id);
    await rig.broker.event(rig.device, 'REVOKE_ACK', id);
    expect(await rig.frames()).toBe(0);
    const next = rig.campaign({ colour: 'teal' });
    rig.offer(next);
    await rig.broker.event(rig.device, 'DISPLAY_START', next.campaignId);
    await expect.poll(() => rig.shownColour()).toBe('teal');
  });

  it('writes down no play for another campaign, however it is told', async () => {
    const asset = rig.asset('/assets/mine.svg', picture('tan'));
    const other = rig.asset('/assets/other.svg', picture('gold'));
    const victim = rig.campaign({ assets: [other], priority: -1 });
    rig.offer(victim);
    await rig.broker.event(rig.device, 'INSTALL_ACK', victim.campaignId);
    const forged = `{ channel: '${CHANNEL}', type: 'slide', assetId: '${other.id}', campaignId: '${victim.campaignId}', index: 0 }`;
    const id = offer(
      waitingTemplate([
        { id: asset.id, colour: 'tan', ms: 200 },
        { id: asset.id, colour: 'gold', ms: 200 },
      ]).replace('<script>', `<script>setInterval(() => parent.postMessage(${forged}, '*'), 150);`),
      { assets: [asset] },
    );
    await rig.broker.event(rig.device, 'DISPLAY_START', id);
    await expect.poll(async () => (await rig.plays()).filter((play) => play.campaignId === id).length).toBeGreaterThan(3);
    const plays = await rig.plays();
    expect(plays.filter(({ assetId }) => assetId === other.id)).toEqual([]);
    expect(new Set(plays.filter(({ campaignId }) => campaignId === id).map(({ assetId }) => assetId))).toEqual(new Set([asset.id]));
  });
});
