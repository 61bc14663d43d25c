// The words of a text as encoders/words.py finds them (version 2), and the features of hashed words.
//
//   const wordsOf = makeWords(table);            // table: the content of encoders/unicode13.json
//   wordsOf("It isn't 👍🏽");                      // ["it", "isn't", "👍🏽"]
//   hashedWords(wordsOf("Hello"), 4096);         // Uint8Array [0x0a, 0x47]: what a model learns from
//
// Runs in node 20 and in browsers; nothing is imported.

const classOf = (ranges) =>
  ranges.split(" ").map((range) => range.split("-").map((end) => `\\u{${end}}`).join("-")).join("");

export function makeWords(table) {
  const [none, mark, picture, pair, triple] = ["none", "marks", "pictures", "pairs", "triples"].map((name) =>
    classOf(table[name]),
  );
  const onTop = `(?:[\\u200c\\u200d]*[${mark}])*`;
  const letter = `(?![${pair}${triple}])[\\p{L}\\p{N}]`;
  const word = `${letter}(?:[\\u200c\\u200d]*(?:${letter}|[${mark}]))*`;
  const drawn = `[${picture}][\\u{1f3fb}-\\u{1f3ff}]?(?:[\\u{e0020}-\\u{e007e}]+\\u{e007f})?`;
  const emoji = `${drawn}(?:\\u200d${drawn})*|[\\u{1f1e6}-\\u{1f1ff}]{2}|[#*]\\u20e3`;
  const nothing = new RegExp(`[${none}]`, "gu");
  const token = new RegExp(
    `${word}(?:'${word})*|(?<pairs>(?:[${pair}]${onTop})+)|(?<triples>(?:[${triple}]${onTop})+)|${emoji}`,
    "gu",
  );
  const unit = new RegExp(`[${pair}${triple}]${onTop}`, "gu");

  return function wordsOf(text) {
    const clean = text
      .replace(/[\ufe0e\ufe0f]/gu, "")
      .replace(nothing, " ")
      .normalize("NFKC")
      .toLowerCase()
      .replace(/i\u0307+/gu, "i")
      .normalize("NFKC")
      .replaceAll("ς", "σ")
      .replaceAll("’", "'");
    const words = [];
    for (const match of clean.matchAll(token)) {
      const { pairs, triples } = match.groups;
      if (pairs === undefined && triples === undefined) {
        words.push(match[0]);
        continue;
      }
      const size = pairs === undefined ? 3 : 2;
      const units = match[0].match(unit);
      for (let start = 0; start < Math.max(1, units.length - size + 1); start += 1) {
        words.push(units.slice(start, start + size).join(""));
      }
    }
    return words;
  };
}

// MurmurHash3 (x86, 32 bits, seed 0) of the word's UTF-8 bytes, unsigned.
export function murmur3(word) {
  const bytes = new TextEncoder().encode(word);
  const whole = bytes.length & ~3;
  const mix = (k) => {
    const product = Math.imul(k, 0xcc9e2d51);
    return Math.imul((product << 15) | (product >>> 17), 0x1b873593);
  };
  let hash = 0;
  for (let i = 0; i < whole; i += 4) {
    hash ^= mix(bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24));
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64;
  }
  let rest = 0;
  for (let i = bytes.length - 1; i >= whole; i -= 1) rest = (rest << 8) | bytes[i];
  hash ^= mix(rest) ^ bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

// The sample of a model with the encoder hashed-words/2: at most 1,024 buckets, increasing, two bytes each.
export function hashedWords(words, features) {
  return pack(words.map((word) => murmur3(word) % features));
}

// The sample of a model with the encoder bag-of-words/2, whose file lists the vocabulary under `fitted.words`.
export function bagOfWords(words, vocabulary) {
  const indices = new Map(vocabulary.map((word, index) => [word, index]));
  return pack(words.map((word) => indices.get(word)).filter((index) => index !== undefined));
}

function pack(indices) {
  const sorted = [...new Set(indices)].sort((a, b) => a - b).slice(0, 1024);
  return Uint8Array.from(sorted.flatMap((index) => [index >> 8, index & 255]));
}
