// Ask a model that somebody has published, from JavaScript without any library: the encoder, and a node's URL.
//
//   node app.mjs http://127.0.0.1:8545 0x1f98...e4a1 "a great film" encoder.json
//
// The last argument is the encoder's file, which the model's owner has; hashed words need none, nor do models that say
// where on their chain it is. In a browser, import `openModel` and give it `table` and `file` as parsed JSON.
// docs/encoders.md describes what is encoded, and how.

import { bagOfWords, hashedWords, makeWords } from "./words.mjs";
import { numbers } from "./numbers.mjs";

// ---- encoders -------------------------------------------------------------------------------------------------------

// The encoder that a spec names: a function from a text, or an array of numbers, to the sample, a Uint8Array.
//   table: the content of encoders/unicode13.json, for texts; file: the content of the encoder's file, if it has one.
export async function encoderOf(spec, { table, file } = {}) {
  const [, kind, version, query] = spec.match(/^([a-z][a-z-]*)\/([1-9][0-9]*)\?([!-~]+)$/) ?? [];
  if (kind === undefined) throw new Error(`not an encoder spec: ${spec}`);
  const known = { "bag-of-words": "2", "hashed-words": "2", tabular: "1" };
  if (known[kind] === undefined) throw new Error(`${kind} is not known here, only ${Object.keys(known).join(", ")}`);
  if (known[kind] !== version) {
    throw new Error(`${kind}/${version} has other rules than ${kind}/${known[kind]}: use the Python library for it`);
  }
  const { features, unit, sha256 } = Object.fromEntries(new URLSearchParams(query));
  if (kind === "hashed-words") {
    const count = Number(features);
    if (!(count >= 2 && count <= 65_536 && Number.isInteger(Math.log2(count))) || spec !== `${kind}/2?features=${count}`) {
      throw new Error(`not a spec of hashed words: ${spec}`);
    }
  } else {
    await check(spec, file, kind === "tabular" ? { features, unit } : { features }, sha256);
  }
  if (kind === "tabular") return (row) => numbers(row, file.fitted, Number(unit));
  if (table === undefined) throw new Error("texts need the table: the content of encoders/unicode13.json");
  const wordsOf = makeWords(table);
  return (text) => {
    if (typeof text !== "string") throw new Error("the sample is not a text");
    const words = wordsOf(text);
    const x = kind === "hashed-words" ? hashedWords(words, Number(features)) : bagOfWords(words, file.fitted.words);
    if (!x.length) throw new Error("the text has no word that the model knows");
    return x;
  };
}

// Refuse a file that is not the one that the spec names: `sha256` begins the hash of the parameters and what was fitted.
async function check(spec, file, parameters, sha256) {
  if (file === undefined) throw new Error(`the encoder was fitted to data: its file is needed for ${spec}`);
  const { words, mean, scale } = file.fitted;
  const fitted = words ? { words } : { mean: mean.map(float), scale: scale.map(float) };
  const content = new TextEncoder().encode(canonical({ fitted, parameters }));
  const other = file.spec !== undefined && file.spec !== spec.replace(/\?at=[^&]*&/, "?");
  if (other || (await hashOf(content)) !== sha256 || Number(parameters.features) !== (words ?? mean).length) {
    throw new Error(`not this model's encoder\n  model's ${spec}\n  file's  ${file.spec ?? "not said"}`);
  }
}

const hashOf = async (bytes) => hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).slice(0, 16));

// JSON as Python's json.dumps writes it with sorted keys, without white space, in ASCII.
function canonical(value) {
  if (value instanceof Float) return value.text;
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value === "object") {
    return `{${Object.keys(value).sort().map((key) => `${canonical(key)}:${canonical(value[key])}`).join(",")}}`;
  }
  const escape = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, escape);
}

class Float {
  constructor(text) {
    this.text = text;
  }
}

// A number as Python writes a float: the same shortest digits as here, but other borders for exponents.
function float(value) {
  const [digits, exponent] = Math.abs(value).toExponential().split("e");
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const power = Number(exponent);
  if (power < -4 || power >= 16) {
    const two = String(Math.abs(power)).padStart(2, "0");
    return new Float(`${sign}${digits}e${power < 0 ? "-" : "+"}${two}`);
  }
  const plain = digits.replace(".", "");
  const text =
    power < 0
      ? `0.${"0".repeat(-power - 1)}${plain}`
      : `${plain.slice(0, power + 1).padEnd(power + 1, "0")}.${plain.slice(power + 1) || "0"}`;
  return new Float(sign + text);
}

// ---- the model ------------------------------------------------------------------------------------------------------

// The first four bytes of the Keccak hashes of name(), encoder_spec() and so on.
const SELECTORS = {
  name: "06fdde03",
  encoder_spec: "72f8aba2",
  class_count: "6225ebc5",
  class_name: "afe6a570",
  predict: "a64139fa",
  scores: "9c2aebe0",
};

// A model at an address: its name, the names of its classes, and how to ask it. Asking is free.
export async function openModel(url, address, files = {}) {
  const ask = (question, argument = "") => call(url, address, SELECTORS[question] + argument);
  const count = Number(uintFrom(await ask("class_count")));
  const classes = [];
  for (let y = 0; y < count; y += 1) classes.push(textFrom(await ask("class_name", word(y))) || String(y));
  const spec = textFrom(await ask("encoder_spec"));
  const encode = await encoderOf(spec, { ...files, file: files.file ?? (await fileOnChain(url, spec)) });
  return {
    spec,
    name: textFrom(await ask("name")),
    classes,
    encode,
    predict: async (sample) => classes[Number(uintFrom(await ask("predict", bytesArgument(encode(sample)))))],
    scores: async (sample) => intsFrom(await ask("scores", bytesArgument(encode(sample)))),
  };
}

// The encoder's file, if the spec says that contracts on the chain hold it: the code of each is a zero, the address of
// the next one, and a part of the compressed file. It is hashed before it is parsed.
async function fileOnChain(url, spec) {
  const { at = "", sha256 } = Object.fromEntries(new URLSearchParams(spec.split("?")[1]));
  const parts = [];
  let next = at.split(" ").find((place) => /^0x[0-9a-fA-F]{40}$/.test(place));
  while (next !== undefined && parts.length < 64) {
    const code = bytesFrom(await rpc(url, "eth_getCode", [next, "latest"]));
    if (code.length < 21 || code[0] !== 0) throw new Error(`there is no part of the encoder's file at ${next}`);
    parts.push(code.slice(21));
    next = code.slice(1, 21).some((byte) => byte) ? `0x${hex(code.slice(1, 21))}` : undefined;
  }
  if (!parts.length) return undefined;
  const content = await inflated(new Blob(parts));
  if ((await hashOf(content)) !== sha256) throw new Error("what is on the chain is not this model's encoder");
  return JSON.parse(new TextDecoder().decode(content));
}

async function inflated(blob, most = 8 * 2 ** 20) {
  const reader = blob.stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const chunks = [];
  let size = 0;
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    size += value.length;
    if (size > most) throw new Error(`the encoder's file has more than ${most} bytes`);
    chunks.push(value);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

async function call(url, to, data) {
  const result = await rpc(url, "eth_call", [{ to, data: `0x${data}` }, "latest"]);
  if (result === "0x") throw new Error(`there is no model at ${to} on this chain`);
  return bytesFrom(result);
}

async function rpc(url, method, params) {
  const request = { jsonrpc: "2.0", id: 1, method, params };
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(request) });
  if (!response.ok) throw new Error(`the node answered with status ${response.status}`);
  const { result, error } = await response.json();
  if (error) throw new Error(error.message);
  return result;
}

// ---- what a contract takes and returns: words of 32 bytes; what has no fixed size comes behind, as length and content --

const bytesFrom = (text) => Uint8Array.from(text.slice(2).match(/../g) ?? [], (pair) => parseInt(pair, 16));

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

const word = (value) => value.toString(16).padStart(64, "0");

function bytesArgument(bytes) {
  const content = hex(bytes);
  return word(32) + word(bytes.length) + content.padEnd(64 * Math.ceil(content.length / 64), "0");
}

const uintFrom = (bytes, start = 0) => BigInt(`0x${hex(bytes.slice(start, start + 32))}`);

function textFrom(bytes) {
  const start = Number(uintFrom(bytes)) + 32;
  return new TextDecoder().decode(bytes.slice(start, start + Number(uintFrom(bytes, start - 32))));
}

function intsFrom(bytes) {
  const start = Number(uintFrom(bytes)) + 32;
  const count = Number(uintFrom(bytes, start - 32));
  return Array.from({ length: count }, (_, i) => BigInt.asIntN(256, uintFrom(bytes, start + 32 * i)));
}

// ---- the command ----------------------------------------------------------------------------------------------------

async function main([url, address, sample, path]) {
  const { readFile } = await import("node:fs/promises");
  const read = async (from) => JSON.parse(await readFile(from, "utf8"));
  const table = await read(new URL("../../encoders/unicode13.json", import.meta.url));
  const file = path && (await read(path));
  const model = await openModel(url, address, { table, file });
  const row = model.spec.startsWith("tabular/") ? sample.split(/[\s,]+/).filter(Boolean).map(Number) : sample;
  console.log(`${model.name} takes it for '${await model.predict(row)}'`);
}

if (globalThis.process?.argv[1]?.endsWith("app.mjs")) {
  await main(process.argv.slice(2)).catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
