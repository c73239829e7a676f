import { el } from './dom.ts';

/** One number of the first row, with a line below it. */
export class Tile {
  readonly element: HTMLElement;
  readonly #label: HTMLElement;
  readonly #value: HTMLElement;
  readonly #below: HTMLElement;

  constructor(label: string) {
    this.#label = el('dt', {}, label);
    this.#value = el('dd', { class: 'value' }, '–');
    this.#below = el('dd', { class: 'below' });
    this.element = el('div', { class: 'tile card' }, this.#label, this.#value, this.#below);
  }

  show({
    label,
    value,
    below,
  }: {
    readonly label?: string;
    readonly value: string;
    readonly below?: string | undefined;
  }): void {
    if (label !== undefined) setText(this.#label, label);
    setText(this.#value, value);
    setText(this.#below, below ?? '');
  }
}

// What has not changed is left alone, for whoever has it read to them or has marked it.
function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
