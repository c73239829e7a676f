import type { Page } from 'playwright-core';

// Runs in the page; text, because nothing here knows of documents.
const SCRIPT = `(() => {
  const found = [];
  const colorOf = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const linear = (c) => (c <= 10 ? c / 3294 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const brightness = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b) + 0.05;
  const ground = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = colorOf(getComputedStyle(at).backgroundColor);
      if (color.length === 3) return color;
    }
    return [255, 255, 255];
  };
  if (document.documentElement.scrollWidth > window.innerWidth) found.push('it is too wide');
  if (document.querySelectorAll('h1').length !== 1) found.push('it has not one heading');
  if (document.documentElement.lang === '') found.push('it has no language');
  for (const input of document.querySelectorAll('input:not([type=hidden])')) {
    if (input.labels.length !== 1) found.push(input.name + ' has no label');
  }
  for (const button of document.querySelectorAll('button')) {
    if (button.offsetHeight > 0 && button.offsetHeight < 40) found.push(button.textContent + ' is too small');
  }
  for (const element of document.querySelectorAll('h1, p, label, dt, dd, a, button, legend, b, span')) {
    const shades = [colorOf(getComputedStyle(element).color), ground(element)].map(brightness);
    const contrast = Math.max(...shades) / Math.min(...shades);
    if (contrast < 4.5) found.push('"' + element.textContent + '" can hardly be read: ' + contrast);
  }
  return found;
})()`;

/** What keeps some people from reading or using the page that is open: width, labels, size of buttons, contrast. WCAG 2.2. */
export function shortcomings(page: Page): Promise<readonly string[]> {
  return page.evaluate<readonly string[]>(SCRIPT);
}
