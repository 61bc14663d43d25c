// Contribute without ether: sign, and let a sponsor's service send and pay (docs/sponsoring.md). It needs nothing but a wallet
// (EIP-1193): `contribute(url, window.ethereum, "0x00010007", 1)`.

// `sample`: the bytes that the model's encoder makes of a text (words.mjs, numbers.mjs), in hexadecimal; `label`: the index of a
// class in what the service tells as `classes`. Returns { id, state } or { error }.
export async function contribute(url, wallet, sample, label, round = 0) {
  const about = await (await fetch(url)).json();
  const [contributor] = await wallet.request({ method: "eth_requestAccounts" });
  const deadline = Math.floor(Date.now() / 1000) + 7 * 86_400;
  const typedData = {
    domain: { ...about.domain, chainId: about.chainId, verifyingContract: about.incentive },
    primaryType: "Contribution",
    types: { EIP712Domain: DOMAIN, Contribution: about.fields },
    message: {
      model: about.model, sample: keccak256(sample), label, class: about.classes[label], round,
      sponsor: about.sponsor, deadline,
    },
  };
  const signature = await wallet.request({
    method: "eth_signTypedData_v4", params: [contributor, JSON.stringify(typedData)],
  });
  const answer = await fetch(`${url}/contributions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ contributor, sample, label, round, deadline, signature }),
  });
  return answer.json();
}

// queued, sent, accepted, skipped (with the reason), returned or settled
export async function became(url, id) {
  return (await fetch(`${url}/contributions/${id}`)).json();
}

const DOMAIN = [
  { name: "name", type: "string" }, { name: "version", type: "string" },
  { name: "chainId", type: "uint256" }, { name: "verifyingContract", type: "address" },
];

// Keccak-256 of bytes in hexadecimal: the permutation of FIPS 202 on 25 lanes of 64 bits, with the padding that Ethereum uses
export function keccak256(hex) {
  const data = hex.replace(/^0x/, "").match(/../g)?.map((byte) => parseInt(byte, 16)) ?? [];
  const rate = 136, padded = [...data, 1];
  while (padded.length % rate) padded.push(0);
  padded[padded.length - 1] |= 0x80;
  const state = new BigUint64Array(25);
  for (let start = 0; start < padded.length; start += rate) {
    for (let i = 0; i < rate; i++) state[i >> 3] ^= BigInt(padded[start + i]) << BigInt(8 * (i & 7));
    permute(state);
  }
  const bytes = Array.from({ length: 32 }, (_, i) => Number((state[i >> 3] >> BigInt(8 * (i & 7))) & 0xffn));
  return "0x" + bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const turned = (lane, by) => BigInt.asUintN(64, (lane << BigInt(by)) | (lane >> BigInt(64 - by)));

function permute(a) {
  let register = 1; // of the shift register that the rounds' constants come from
  for (let round = 0; round < 24; round++) {
    const columns = [0, 1, 2, 3, 4].map((x) => a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20]);
    for (let i = 0; i < 25; i++) a[i] ^= columns[(i + 4) % 5] ^ turned(columns[(i + 1) % 5], 1);
    let x = 1, y = 0, lane = a[1];
    for (let t = 1; t <= 24; t++) {
      [x, y] = [y, (2 * x + 3 * y) % 5];
      [lane, a[x + 5 * y]] = [a[x + 5 * y], turned(lane, ((t * (t + 1)) / 2) % 64)];
    }
    for (let row = 0; row < 25; row += 5) {
      const old = a.slice(row, row + 5);
      for (let i = 0; i < 5; i++) a[row + i] = old[i] ^ (~old[(i + 1) % 5] & old[(i + 2) % 5]);
    }
    for (let bit = 1; bit <= 64; bit *= 2) {
      if (register & 1) a[0] ^= 1n << BigInt(bit - 1);
      register = register & 0x80 ? (register << 1) ^ 0x171 : register << 1;
    }
  }
}
