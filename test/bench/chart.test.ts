import { describe, expect, it } from 'vitest';
import { type Bar, barBox, chart } from '../../bench/report/chart.ts';

const bars: readonly Bar[] = [
  { label: 'most', value: 200, note: '200', kind: 'ceiling' },
  { label: 'half <of> "it"', value: 100, note: '100 & more', kind: 'own' },
  { label: 'none', value: 0, note: '0', kind: 'reference' },
];

describe('chart', () => {
  it('draws bars as long as their values, below each other', () => {
    const [most, half, none] = [0, 1, 2].map((index) => barBox(bars, index));
    expect(half?.width).toBe(Math.round((most?.width ?? 0) / 2));
    expect(none?.width).toBe(1);
    expect(half?.y).toBeGreaterThanOrEqual((most?.y ?? 0) + (most?.height ?? 0));
    expect(most?.x).toBe(half?.x);
  });

  it('is an image of its own, for light and dark pages', () => {
    const svg = chart('Calls', 'of a test', bars);
    // Catches: text that breaks the markup, and what an <img> would not load.
    expect(svg).toContain('half &#60;of&#62; &#34;it&#34;');
    expect(svg).toContain('100 &#38; more');
    expect(svg).toContain('prefers-color-scheme: dark');
    expect(svg).not.toMatch(/<script|@import|url\(|NaN|undefined/);
  });
});
