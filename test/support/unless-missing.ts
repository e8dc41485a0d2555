import { it } from 'vitest';

/**
 * Declares the tests of `declare`; where what they need is `missing`, a test `name` in their place, which is skipped for
 * that reason.
 */
export function unlessMissing(missing: string | undefined, name: string, declare: () => void): void {
  if (missing === undefined) declare();
  else it(name, ({ skip }) => skip(missing));
}
