// The bridge between the pages and the wallet (EIP-1193, found by EIP-6963). The server prepares transactions, the wallet
// signs and sends them, the server watches for the receipt. Everything is shown by textContent: nothing becomes markup.
"use strict";

const body = document.body;
const chainId = Number(body.dataset.chainId);
const wallets = new Map(); // rdns -> {info, provider}
const UNSENT = new Set([4001, 4100, 4200, 4902, -32000, -32002, -32003, -32600, -32601, -32602]); // surely nothing went out
let busy = false;

// ---- small things ---------------------------------------------------------------------------------------------------

const byId = (id) => document.getElementById(id);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function store(key, value) {
  try {
    if (value === undefined) return JSON.parse(localStorage.getItem(key));
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch { /* no storage: the page works, but forgets at a reload */ }
  return null;
}

function say(text, kind = "", buttons = []) {
  const box = document.createElement("div");
  if (kind) box.className = kind;
  const line = document.createElement("span");
  line.textContent = text;
  box.append(line);
  if (buttons.length) box.append(document.createElement("br"));
  for (const [label, action] of buttons) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = label;
    button.addEventListener("click", () => action(box));
    box.append(button);
  }
  byId("messages").append(box);
  if (box.scrollIntoView) box.scrollIntoView({ block: "nearest" });
  return box;
}

const clear = () => byId("messages").replaceChildren();

class Problem extends Error {
  constructor(message, lost = false) { super(message); this.lost = lost; }
}

async function post(path, fields) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", body: fields instanceof FormData ? fields : new URLSearchParams(fields) });
  } catch {
    throw new Problem("The connection to this page's server is lost. Check that it still runs; then try again.", true);
  }
  let content = {};
  try { content = await answer.json(); } catch { /* no JSON: told below */ }
  if (!answer.ok) throw new Problem(content.error || `The server refused this (${answer.status}). Load the page again.`, Boolean(content.unreachable));
  return content;
}

// Until the server has heard it: it matters.
async function report(path, fields) {
  for (let wait = 500; ; wait = Math.min(wait * 2, 8000)) {
    try { return await post(path, fields); } catch (problem) {
      if (!problem.lost) return null;
      await sleep(wait);
    }
  }
}

// ---- accounts -------------------------------------------------------------------------------------------------------

function setAccount(address) {
  document.cookie = address ? `account=${address}; path=/; SameSite=Strict` : "account=; path=/; SameSite=Strict; max-age=0";
}

function chooseAccount(choice) {
  store("choice", choice);
  setAccount(choice ? choice.address : "");
  location.reload();
}

function announce(detail) {
  if (!detail || !detail.info || !detail.provider || wallets.has(detail.info.rdns)) return;
  wallets.set(detail.info.rdns, detail);
  showWallets();
}

window.addEventListener("eip6963:announceProvider", (event) => announce(event.detail));
window.dispatchEvent(new Event("eip6963:requestProvider"));

function showWallets() {
  const list = byId("wallets");
  list.replaceChildren();
  for (const [rdns, wallet] of wallets) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = wallet.info.name || rdns;
    button.addEventListener("click", () => connect(rdns));
    list.append(button);
  }
  byId("no-wallet").hidden = wallets.size > 0;
}

async function connect(rdns) {
  try {
    const accounts = await wallets.get(rdns).provider.request({ method: "eth_requestAccounts" });
    if (!accounts || !accounts.length) throw new Problem("The wallet gave no account. Unlock it, and choose one there.");
    chooseAccount({ rdns, address: accounts[0] });
  } catch (error) {
    byId("connect").close();
    clear();
    if (error.code === 4001) say("You did not let this page see an account. Choose the wallet again when you want to.", "bad");
    else if (error.code === -32002) say("The wallet is open already: look for its window, and answer there.", "bad");
    else say(`The wallet says: ${error.message || error}`, "bad");
  }
}

function currentWallet() {
  const choice = store("choice");
  return choice && choice.rdns ? wallets.get(choice.rdns) : undefined;
}

async function watchWallet() {
  if (window.ethereum && window.ethereum.request) {
    await sleep(150); // wallets that announce themselves go first
    const known = [...wallets.values()].some((w) => w.provider === window.ethereum);
    if (!known && !wallets.size) announce({ info: { rdns: "injected", name: "The wallet in this browser" }, provider: window.ethereum });
  }
  showWallets();
  const choice = store("choice");
  if (!choice) { if (body.dataset.account) { setAccount(""); location.reload(); } return; }
  if (choice.address.toLowerCase() !== body.dataset.account.toLowerCase()) { setAccount(choice.address); location.reload(); return; }
  if (choice.rdns) document.querySelector("#account-button .local")?.remove(); // the wallet signs, not the chain's node
  const wallet = currentWallet();
  if (!wallet || !wallet.provider.on) return;
  wallet.provider.on("accountsChanged", (accounts) => {
    if (busy) return;
    chooseAccount(accounts.length ? { rdns: choice.rdns, address: accounts[0] } : null);
  });
  wallet.provider.on("disconnect", () => say("The wallet lost its connection to the chain. Check the network in the wallet.", "bad"));
}

// ---- sending --------------------------------------------------------------------------------------------------------

function freeze(on) {
  busy = on;
  for (const button of document.querySelectorAll("form[data-action] button")) button.disabled = on;
}

// Resolves to true if the person wants to send.
function confirmed(prepared, local) {
  const dialog = byId("confirm");
  byId("confirm-title").textContent = prepared.what;
  const lines = byId("confirm-lines");
  lines.replaceChildren(...prepared.lines.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  byId("confirm-how").textContent = local
    ? "The local chain's node signs for this account, at once."
    : "Your wallet opens next. Compare what it shows with the lines above before you sign.";
  byId("confirm-send").textContent = local ? "Send" : "Sign in the wallet";
  return new Promise((done) => {
    const send = byId("confirm-send");
    const agree = () => { dialog.returnValue = "send"; dialog.close("send"); };
    dialog.returnValue = "";
    send.addEventListener("click", agree, { once: true });
    dialog.addEventListener("close", () => { send.removeEventListener("click", agree); done(dialog.returnValue === "send"); }, { once: true });
    dialog.showModal();
    send.focus();
  });
}

async function submit(form) {
  if (busy) return;
  const choice = store("choice");
  if (!choice) { openConnect(); return; }
  clear();
  freeze(true);
  try {
    const fields = new FormData(form);
    fields.append("account", choice.address);
    const prepared = await post("/api/prepare", fields);
    if (!(await confirmed(prepared, !choice.rdns))) { say("Cancelled: nothing was sent."); return; }
    await (choice.rdns ? sendByWallet(prepared, choice) : sendLocally(prepared));
  } catch (problem) {
    say(problem.message || String(problem), "bad");
  } finally {
    freeze(false);
  }
}

async function sendLocally(prepared) {
  remember(prepared);
  try {
    await post("/api/local", { token: prepared.token });
  } catch (problem) {
    if (!problem.lost) { forget(prepared.token); throw problem; }
  }
  await watch(prepared.token, prepared.what);
}

async function sendByWallet(prepared, choice) {
  const wallet = wallets.get(choice.rdns);
  if (!wallet) throw new Problem("The wallet is not there any more. Unlock it or switch it on, then load the page again.");
  const { provider } = wallet;
  let found, accounts;
  try {
    found = Number(await provider.request({ method: "eth_chainId" }));
    accounts = await provider.request({ method: "eth_accounts" });
  } catch (error) {
    throw new Problem(`The wallet does not answer (${error.message || error}). Nothing was sent. Unlock it, check its network, and try again.`);
  }
  if (found !== chainId) {
    say(`Wrong network: the wallet is on chain ${found}, this page is on chain ${chainId}. Nothing was sent. Switch the network, then send again.`, "bad",
      [["Switch the wallet's network", (box) => switchNetwork(provider, box)]]);
    return;
  }
  if (!accounts.some((a) => a.toLowerCase() === choice.address.toLowerCase())) {
    throw new Problem("The wallet does not offer this account any more. Nothing was sent. Choose the account in the wallet, or another one here.");
  }
  await post("/api/claim", { token: prepared.token });
  remember(prepared);
  const waiting = say("Confirm or reject it in your wallet.");
  let hash;
  try {
    hash = await provider.request({ method: "eth_sendTransaction", params: [prepared.transaction] });
  } catch (error) {
    waiting.remove();
    if (UNSENT.has(error.code)) {
      const text = error.code === 4001 ? "You rejected it in the wallet: nothing was sent. Send it again if you want to."
        : `The wallet refused it, nothing was sent: ${error.message || error.code}`;
      forget(prepared.token);
      await post("/api/rejected", { token: prepared.token, message: text }).catch(() => null);
      throw new Problem(text);
    }
    // The connection broke: it may be on its way all the same.
    await watch(prepared.token, prepared.what, "The wallet lost its connection. This page looks whether the transaction arrives; do not send it again before that.");
    return;
  }
  waiting.remove();
  remember(prepared, hash);
  await report("/api/sent", { token: prepared.token, hash });
  await watch(prepared.token, prepared.what);
}

async function switchNetwork(provider, box) {
  try {
    await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: "0x" + chainId.toString(16) }] });
    box.remove();
    say("The wallet is on the right network now. Send again.", "good");
  } catch (error) {
    say(error.code === 4902 ? `The wallet does not know chain ${chainId}. Add it in the wallet's settings, with the address of the node that you use.`
      : `The network was not switched: ${error.message || error.code}. Switch it in the wallet.`, "bad");
  }
}

// ---- transactions that are under way survive a reload ----------------------------------------------------------------

const pending = () => store("pending") || [];
function remember(prepared, hash = "") {
  const others = pending().filter((p) => p.token !== prepared.token);
  store("pending", [...others, { token: prepared.token, what: prepared.what, hash }]);
}
const forget = (token) => store("pending", pending().filter((p) => p.token !== token));

async function watch(token, what, first = "") {
  let box = say(first || `Sent: ${what}. Waiting for the chain …`), lost = null, shown = "";
  for (let wait = 150; ; wait = Math.min(wait * 1.5, 2000)) {
    await sleep(wait);
    let now;
    try {
      now = await post("/api/status", { token });
    } catch (problem) {
      if (!problem.lost) { box.remove(); forget(token); say(problem.message, "bad"); return; }
      lost = lost || say(`${problem.message} This page goes on by itself when the connection is back; nothing goes out twice.`, "bad");
      continue;
    }
    if (lost) { lost.remove(); lost = null; }
    if (now.state === "done" || now.state === "reverted" || now.state === "rejected") {
      forget(token);
      box.remove();
      finish(now.state === "done" ? `${what}: ${now.message}` : now.message, now.state === "done" ? "good" : "bad");
      return;
    }
    if (now.state === "prepared") { box.remove(); forget(token); say("It was not sent. Send it again if you want to.", "bad"); return; }
    if (now.state === "asked" && shown !== "asked" && !first) {
      shown = "asked";
      box.remove();
      box = say(`Your wallet may still be open with this: ${what}. Confirm or reject it there.`, "", [["It was not sent", async (self) => {
        await report("/api/rejected", { token, message: "You said that it was not sent." });
        self.remove();
      }]]);
    }
  }
}

function finish(text, kind) {
  try { sessionStorage.setItem("flash", JSON.stringify([text, kind])); } catch { /* shown below all the same */ }
  location.reload();
}

// ---- start ----------------------------------------------------------------------------------------------------------

function openConnect() { byId("connect").showModal(); }

function start() {
  const theme = store("theme");
  if (theme) document.documentElement.dataset.theme = theme;
  byId("theme").addEventListener("click", () => {
    const dark = document.documentElement.dataset.theme
      ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    store("theme", dark ? "light" : "dark");
  });
  byId("account-button").addEventListener("click", openConnect);
  for (const button of document.querySelectorAll("dialog [data-close]")) button.addEventListener("click", () => button.closest("dialog").close());
  byId("forget")?.addEventListener("click", () => chooseAccount(null));
  byId("local-form")?.addEventListener("submit", (event) => {
    event.preventDefault();
    chooseAccount({ address: byId("local-account").value });
  });
  document.querySelector("form[data-clock]")?.addEventListener("submit", async (event) => {
    event.preventDefault();
    try { await post("/api/clock", new FormData(event.target)); location.reload(); } catch (problem) { say(problem.message, "bad"); }
  });
  for (const select of document.querySelectorAll("select[data-shows]")) {
    const show = () => {
      for (const part of document.querySelectorAll("[data-shown]")) part.hidden = part.dataset.shown !== select.value;
    };
    select.addEventListener("change", show);
    show();
  }
  for (const form of document.querySelectorAll("form[data-action]")) {
    form.addEventListener("submit", (event) => { event.preventDefault(); submit(form); });
  }
  try {
    const flash = JSON.parse(sessionStorage.getItem("flash"));
    sessionStorage.removeItem("flash");
    if (flash) say(...flash);
  } catch { /* nothing to show */ }
  watchWallet();
  for (const { token, what, hash } of pending()) {
    if (hash) report("/api/sent", { token, hash }).then(() => watch(token, what));
    else watch(token, what);
  }
}

start();
