import { type Page, ProfileBrowser } from '@marquee/testing';

const SHOWN = `/data-campaign="([^"]+)"/.exec(document.querySelector('#display iframe')?.srcdoc ?? '')?.[1] ?? null`;

/** The player in a browser whose profile outlives it, as a kiosk has it. */
export class ScreenBrowser {
  private constructor(
    private readonly browser: ProfileBrowser,
    readonly page: Page,
  ) {}

  static async open(profile: string, url: string): Promise<ScreenBrowser> {
    const browser = await ProfileBrowser.start(profile);
    const page = await browser.page();
    await page.setViewportSize({ width: 1280, height: 720 });
    // Not waited for: in a dark network a page that is not kept would never be there.
    void page.goto(url, { waitUntil: 'commit' }).catch(() => undefined);
    return new ScreenBrowser(browser, page);
  }

  /** The campaign whose template stands in the display; null when nothing plays, undefined when the page cannot be asked. */
  async shown(): Promise<string | null | undefined> {
    return await this.page.evaluate<string | null>(SHOWN).catch(() => undefined);
  }

  /** As a power cut ends it. */
  kill(): Promise<void> {
    return this.browser.kill();
  }
}
