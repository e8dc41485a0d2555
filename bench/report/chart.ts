/** One bar. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  /** Written behind the bar. */
  readonly note: string;
  /** Ours, the reference's, or what is only there to compare. */
  readonly kind: 'own' | 'reference' | 'ceiling';
}

const WIDTH = 860;
const MARGIN = 16;
const LABEL_WIDTH = 300;
const NOTE_WIDTH = 190;
const TITLE_HEIGHT = 60;
const ROW_HEIGHT = 30;
const BAR_HEIGHT = 18;
const BAR_WIDTH = WIDTH - LABEL_WIDTH - NOTE_WIDTH - 2 * MARGIN;

/** Where a bar lies, in the units of the picture. */
export function barBox(
  bars: readonly Bar[],
  index: number,
): { x: number; y: number; width: number; height: number } {
  const most = Math.max(...bars.map(({ value }) => value));
  const share = most > 0 ? (bars[index]?.value ?? 0) / most : 0;
  return {
    x: MARGIN + LABEL_WIDTH,
    y: TITLE_HEIGHT + index * ROW_HEIGHT + (ROW_HEIGHT - BAR_HEIGHT) / 2,
    width: Math.max(1, Math.round(share * BAR_WIDTH)),
    height: BAR_HEIGHT,
  };
}

/** An SVG with a bar in each row, to be read on light and dark pages alike; without scripts or outside fonts. */
export function chart(title: string, subtitle: string, bars: readonly Bar[]): string {
  const height = TITLE_HEIGHT + bars.length * ROW_HEIGHT + MARGIN;
  const rows = bars.map((bar, index) => {
    const { x, y, width, height: barHeight } = barBox(bars, index);
    const baseline = y + barHeight - 4.5;
    return [
      `<text class="text" x="${x - 10}" y="${baseline}" text-anchor="end">${escaped(bar.label)}</text>`,
      `<rect class="${bar.kind}" x="${x}" y="${y}" width="${width}" height="${barHeight}" rx="2"/>`,
      `<text class="text" x="${x + width + 8}" y="${baseline}">${escaped(bar.note)}</text>`,
    ].join('\n  ');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">
  <style>
    text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; }
    .title { font-size: 16px; font-weight: 600; }
    .title, .text { fill: #1f2328; }
    .subtitle { fill: #59636e; }
    .own { fill: #1f7a4d; }
    .reference { fill: #8250df; }
    .ceiling { fill: #afb8c1; }
    @media (prefers-color-scheme: dark) {
      .title, .text { fill: #f0f6fc; }
      .subtitle { fill: #9198a1; }
      .own { fill: #3fb97c; }
      .reference { fill: #ab7df8; }
      .ceiling { fill: #656c76; }
    }
  </style>
  <text class="title" x="${MARGIN}" y="24">${escaped(title)}</text>
  <text class="subtitle" x="${MARGIN}" y="44">${escaped(subtitle)}</text>
  ${rows.join('\n  ')}
</svg>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
