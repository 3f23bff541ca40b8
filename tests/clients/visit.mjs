import assert from 'node:assert/strict';

// Pictures of all visits are numbered in their order.
let pictures = 0;

// One browser window on its way through the pages.
export class Visit {
  constructor(page, app, screenshots, width) {
    Object.assign(this, { page, app, screenshots, width });
  }

  // What every page owes to everyone, and a picture of it.
  async look(name) {
    pictures += 1;
    const number = String(pictures).padStart(2, '0');
    await this.page.screenshot({ path: `${this.screenshots}/${number}-${name}-${this.width}.png`, fullPage: true });
    assert.equal(await this.page.locator('html').getAttribute('lang'), 'en');
    assert.match(await this.page.title(), /\S/);
    assert.equal(await this.page.locator('h1').count(), 1, 'one h1');
    assert.equal(await this.page.locator('main').count(), 1, 'one main landmark');
    assert((await this.page.locator('button.primary').count()) <= 1, 'at most one primary button');
    for (const field of await this.page.locator('input:not([type=hidden]), select').all()) {
      const name = await field.evaluate((element) => [...(element.labels ?? [])].map((label) => label.textContent.trim()).join(' '));
      assert(name, `a label for ${await field.evaluate((element) => element.outerHTML)}`);
    }
    const { wide, room } = await this.page.evaluate(() => ({ wide: document.documentElement.scrollWidth, room: window.innerWidth }));
    assert(wide <= room, `no sideways scrolling: ${wide} > ${room}`);
    for (const button of await this.page.locator('button, a.button').all()) {
      const box = await button.boundingBox();
      assert(box && box.height >= 24 && box.width >= 24, 'buttons are large enough (WCAG 2.5.8)');
    }
  }

  async told() {
    await this.page.waitForURL((url) => url.origin === this.app.origin);
    return this.page.locator('#told').textContent();
  }

  press(button) {
    return this.page.locator(button).click();
  }
}
