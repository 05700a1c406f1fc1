// seeded.mjs - pseudo-random numbers for tests: the same on every run and machine. (mulberry32.)

/** A generator: below(n) is 0 to n - 1; size(n) is 1 to n, as likely below 10 as between 10 and 100. */
export function seeded(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    below: (bound) => Math.floor(next() * bound),
    size: (bound) => Math.floor((bound + 1) ** next()),
  };
}
