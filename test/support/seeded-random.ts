/**
 * Numbers in [0, 1) that a seed determines, so that a run can be repeated. (An xorshift of 32 bits: good enough to
 * spread requests, and nothing else.)
 */
export function seededRandom(seed: number): () => number {
  // Zero would stay zero for ever, and neighbouring seeds would begin alike.
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
