// The sample of a row of numbers as encoders/tabular.py and encoders/quantise.py make it, bit for bit: every step is one
// operation of IEEE 754, and sums are taken in the order in which NumPy takes them.
//
//   numbers([16, 4], { mean: [10, 0], scale: [2, 1] }, 100);   // Uint8Array [60, 80]
//
// Runs in node 20 and in browsers; nothing is imported.

const MOST = 127; // of a value, so that -q is a sample whenever q is
const LEAST_COSINE = 0.9; // a sample that is farther than this (26 degrees) from its original is refused

export function numbers(row, { mean, scale }, unit) {
  if (!Array.isArray(row) || !row.every(Number.isFinite)) throw new Error("a row is an array of finite numbers");
  if (row.length !== mean.length) {
    throw new Error(`the row has ${row.length} numbers, the model has ${mean.length} features`);
  }
  const direction = normalised(row.map((value, i) => (value - mean[i]) / scale[i]));
  const rounded = direction.map((value) => roundHalfToEven(Math.min(MOST, Math.max(-MOST, value * unit))));
  const values = withinBounds(rounded, unit) ? rounded : repaired(direction, unit);
  const norm = Math.sqrt(squares(values));
  if (sum(direction.map((value, i) => value * values[i])) / Math.max(norm, 1) < LEAST_COSINE) {
    throw new Error(`the row is concentrated in too few features for unit ${unit}: values end at ${MOST}`);
  }
  return Uint8Array.from(Int8Array.from(values), (value) => value & 255);
}

function normalised(vector) {
  if (!vector.every(Number.isFinite)) throw new Error("a value is too large: it is no finite number after preparation");
  const largest = vector.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (largest === 0) throw new Error("the row has no direction: all its values are 0 after preparation");
  const scaled = vector.map((value) => value / largest);
  const norm = Math.sqrt(squares(scaled));
  return scaled.map((value) => value / norm);
}

// The nearest values with a norm within bounds, or zeros if 127 in every feature that is not 0 is too little.
function repaired(direction, unit) {
  const wanted = filled(direction.map((value) => Math.abs(value) * unit), unit);
  if (wanted === null) return direction.map(() => 0);
  const values = wanted.map(roundHalfToEven);
  while (!withinBounds(values, unit)) {
    const step = squares(values) < unit ** 2 ? 1 : -1;
    const short = wanted.map((value, i) => step * (value - values[i]));
    values[short.indexOf(short.reduce((most, value) => Math.max(most, value)))] += step;
  }
  return values.map((value, i) => (direction[i] < 0 ? -value : value));
}

// Magnitudes clipped to 127, the others scaled up so that the norm is `unit`.
function filled(magnitudes, unit) {
  if (MOST ** 2 * magnitudes.filter((value) => value !== 0).length < unit ** 2) return null;
  let clipped = magnitudes.map(() => false);
  for (;;) {
    const rest = magnitudes.map((value, i) => (clipped[i] ? 0 : value));
    const left = squares(rest);
    const factor = left ? Math.sqrt((unit ** 2 - MOST ** 2 * clipped.filter(Boolean).length) / left) : 0;
    const now = clipped.map((was, i) => was || rest[i] * factor > MOST);
    if (now.every((is, i) => is === clipped[i])) return rest.map((value, i) => (clipped[i] ? MOST : value * factor));
    clipped = now;
  }
}

// The contracts' test of the norm: within 2% of the unit, in integers.
function withinBounds(values, unit) {
  const norm = 10_000 * squares(values);
  return 9_604 * unit ** 2 <= norm && norm <= 10_404 * unit ** 2;
}

const squares = (values) => sum(values.map((value) => value * value));

// NumPy's pairwise sum: eight running sums within a block of at most 128, halves of more than that.
function sum(values, start = 0, count = values.length) {
  if (count > 128) {
    const half = Math.floor(count / 2);
    const first = half - (half % 8);
    return sum(values, start, first) + sum(values, start + first, count - first);
  }
  const whole = count < 8 ? 0 : count - (count % 8);
  let total = 0;
  if (whole) {
    const r = values.slice(start, start + 8);
    for (let i = 8; i < whole; i += 1) r[i % 8] += values[start + i];
    total = r[0] + r[1] + (r[2] + r[3]) + (r[4] + r[5] + (r[6] + r[7]));
  }
  for (let i = whole; i < count; i += 1) total += values[start + i];
  return total;
}

function roundHalfToEven(value) {
  const below = Math.floor(value);
  const part = value - below;
  return part < 0.5 || (part === 0.5 && below % 2 === 0) ? below : below + 1;
}
