// The bridge between the pages and the wallet (EIP-1193, found by EIP-6963). The server prepares transactions, the wallet
// signs and sends them, the server watches for the receipt. Everything is shown by textContent: nothing becomes markup.
// All that it says stands in the page, in the language of the page.
"use strict";

const body = document.body;
const chainId = Number(body.dataset.chainId);
const texts = JSON.parse(document.getElementById("texts").textContent);
const wallets = new Map(); // rdns -> {info, provider}
const UNSENT = new Set([4001, 4100, 4200, 4902, -32000, -32002, -32003, -32600, -32601, -32602]); // surely nothing went out
const SLOW = 5000; // milliseconds after which a wallet or the server is said to be slow
let busy = false;

// ---- small things ---------------------------------------------------------------------------------------------------

const byId = (id) => document.getElementById(id);
const all = (selector, root = document) => root.querySelectorAll(selector);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const t = (key, values = {}) => texts[key].replace(/\{(\w+)\}/g, (field, name) => (name in values ? values[name] : field));

function kept(storage, key, value) {
  try {
    if (value === undefined) return JSON.parse(storage.getItem(key));
    if (value === null) storage.removeItem(key);
    else storage.setItem(key, JSON.stringify(value));
  } catch { /* no storage: the page works, but forgets at a reload */ }
  return null;
}
const store = (key, value) => kept(localStorage, key, value);
const session = (key, value) => kept(sessionStorage, key, value);

function say(text, kind = "", buttons = []) {
  const box = document.createElement("div");
  if (kind) box.className = kind;
  const line = document.createElement("span");
  line.append(...withTimes(text));
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
  if (kind) { box.tabIndex = -1; box.focus({ preventScroll: true }); } // where the news is
  box.scrollIntoView({ block: "nearest" });
  return box;
}

const clear = () => byId("messages").replaceChildren();

class Problem extends Error {
  constructor(message, lost = false) { super(message); this.lost = lost; }
}

// Says that something is slow as long as it lasts longer than SLOW.
async function patiently(promise, text) {
  let box = null;
  const timer = setTimeout(() => { box = say(text, "bad"); }, SLOW);
  try { return await promise; } finally { clearTimeout(timer); if (box) box.remove(); }
}

async function post(path, fields, quietly = false) {
  let answer;
  const asked = fetch(path, { method: "POST", body: fields instanceof FormData ? fields : new URLSearchParams(fields) });
  try {
    answer = await (quietly ? asked : patiently(asked, t("slow_server")));
  } catch {
    throw new Problem(t("server_lost"), true);
  }
  let content = {};
  try { content = await answer.json(); } catch { /* no JSON: told below */ }
  if (!answer.ok) throw new Problem(content.error || t("refused", { status: answer.status }), Boolean(content.unreachable));
  return content;
}

// Until the server has heard it: it matters. What it refuses is thrown.
async function insist(path, fields) {
  for (let wait = 500; ; wait = Math.min(wait * 2, 8000)) {
    try { return await post(path, fields, true); } catch (problem) {
      if (!problem.lost) throw problem;
      await sleep(wait);
    }
  }
}

const report = (path, fields) => insist(path, fields).catch(() => null);

// ---- moments: how far away, and in the browser's own time ------------------------------------------------------------

const began = Date.now();
const chainNow = Number(body.dataset.now);
const now = () => chainNow + Math.floor((Date.now() - began) / 1000);
const spoken = document.documentElement.lang;
const locale = navigator.languages.find((wanted) => wanted.startsWith(spoken)) || spoken; // such as en-GB
const dates = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });

function far(seconds) {
  const distance = Math.abs(seconds - now());
  if (distance < 1) return t("now");
  const parts = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
  let rest = distance;
  const written = [];
  for (const [size, unit] of parts) {
    const count = Math.floor(rest / size);
    rest %= size;
    if (count) written.push(t(count === 1 ? `${unit}_1` : unit, { n: count }));
  }
  return t(seconds > now() ? "later" : "before", { time: written.slice(0, 2).join(" ") });
}

function showTime(element) {
  const seconds = Date.parse(element.dateTime) / 1000;
  if (Number.isNaN(seconds) || !chainNow) return;
  const local = dates.format(seconds * 1000);
  element.textContent = element.dataset.form === "span" ? far(seconds) : `${local} (${far(seconds)})`;
}

function timeOf(form, seconds) {
  const element = document.createElement("time");
  element.dateTime = new Date(seconds * 1000).toISOString();
  element.dataset.form = form;
  element.title = element.dateTime.replace("T", " ").replace(/:\d\d\.000Z/, " UTC"); // the chain's time
  showTime(element);
  return element;
}

// A text with {time:123} in it, as nodes.
function withTimes(text) {
  const parts = String(text).split(/\{(time|span):(\d{1,12})\}/);
  const nodes = [parts[0]];
  for (let i = 1; i < parts.length; i += 3) nodes.push(timeOf(parts[i], Number(parts[i + 1])), parts[i + 2]);
  return nodes;
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
    button.textContent = String(wallet.info.name || rdns).slice(0, 60);
    button.addEventListener("click", () => connect(rdns));
    list.append(button);
  }
  byId("no-wallet").hidden = wallets.size > 0;
}

async function connect(rdns) {
  byId("connect").close();
  clear();
  const waiting = say(t("look_at_wallet"));
  try {
    const asked = wallets.get(rdns).provider.request({ method: "eth_requestAccounts" });
    const accounts = await patiently(asked, t("slow_wallet"));
    if (!accounts || !accounts.length) throw new Problem(t("no_account_given"));
    chooseAccount({ rdns, address: accounts[0] });
  } catch (error) {
    waiting.remove();
    if (error.code === 4001) say(t("not_let"), "bad");
    else if (error.code === -32002) say(t("wallet_open"), "bad");
    else say(t("wallet_says", { message: error.message || error }), "bad");
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
    if (!known && !wallets.size) announce({ info: { rdns: "injected", name: t("this_wallet") }, provider: window.ethereum });
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
  wallet.provider.on("disconnect", () => say(t("disconnected"), "bad"));
}

// ---- sending --------------------------------------------------------------------------------------------------------

function freeze(on) {
  busy = on;
  for (const button of all("form[data-action] button, #claim-all")) button.disabled = on;
}

const items = (lines) => lines.map((text) => { const item = document.createElement("li"); item.append(...withTimes(text)); return item; });

// Resolves to true if the person wants to send, or to sign only, which is shown with what the wallet will show.
function confirmed(title, lines, details, local, signing = false) {
  const dialog = byId("confirm");
  byId("confirm-title").textContent = title;
  byId("confirm-lines").replaceChildren(...items(lines));
  byId("confirm-details").hidden = !details.length;
  byId("confirm-details").open = signing;
  byId("confirm-details").lastElementChild.replaceChildren(...items(details));
  byId("confirm-how").textContent = t(local ? "local_signs" : signing ? "wallet_shows" : "wallet_signs");
  byId("confirm-send").textContent = t(local ? "send" : "sign");
  return new Promise((done) => {
    const send = byId("confirm-send");
    const agree = () => { dialog.returnValue = "send"; dialog.close("send"); };
    dialog.returnValue = "";
    send.addEventListener("click", agree, { once: true });
    dialog.addEventListener("close", () => { send.removeEventListener("click", agree); done(dialog.returnValue === "send"); }, { once: true });
    dialog.showModal();
    byId("confirm-title").focus(); // not on the button: a second Enter sends nothing
  });
}

async function prepared(form, choice, path = "/api/prepare") {
  const fields = new FormData(form);
  fields.append("account", choice.address);
  return post(path, fields);
}

// Where a sponsor pays, the account only signs.
async function submit(form, signing = false) {
  if (busy) return;
  const choice = store("choice");
  if (!choice) { openConnect(); return; }
  clear();
  freeze(true);
  try {
    const parcel = await prepared(form, choice, signing ? "/api/to_sign" : "/api/prepare");
    if (!(await confirmed(parcel.what, parcel.lines, parcel.details, !choice.rdns, signing))) { say(t("cancelled")); return; }
    if (signing) { await signFor(parcel, choice, form); return; }
    const done = await sendBy(parcel, choice);
    if (done) finish(t("done", { what: parcel.what, message: done.message }), "good", form);
  } catch (problem) {
    say(problem.message || String(problem), "bad");
  } finally {
    freeze(false);
  }
}

// In as few transactions as the contracts allow, each with its own signature; what cannot be sent is said, and the rest
// goes on.
async function claimAll() {
  if (busy) return;
  const choice = store("choice");
  if (!choice) { openConnect(); return; }
  const wanted = [...all("#main form[data-claim]")].map((form) => new FormData(form));
  const items = wanted.map((f) => [f.get("model"), f.get("action"), f.get("contribution") || ""]);
  clear();
  freeze(true);
  try {
    const { parcels, failed } = await post("/api/prepare_all", { account: choice.address, items: JSON.stringify(items) });
    const title = t(parcels.length === 1 ? "all_title_1" : "all_title", { n: parcels.length });
    const lines = parcels.map((parcel) => [parcel.what, ...parcel.lines].join(". "));
    const details = parcels.flatMap((parcel) => parcel.details);
    if (!(await confirmed(title, [...lines, ...failed], details, !choice.rdns))) { say(t("cancelled")); return; }
    const told = [];
    let count = 0;
    for (const parcel of parcels) {
      try {
        const done = await sendBy(parcel, choice);
        if (!done) break;
        count += 1;
        told.push(t("done", { what: parcel.what, message: done.message }));
      } catch (problem) {
        failed.push(problem.message || String(problem));
        if (problem.lost) break;
      }
    }
    const arrived = count === parcels.length && !failed.length;
    finish([t("all_done", { n: count, of: parcels.length }), ...told, ...new Set(failed)].join("\n"), arrived ? "good" : "bad");
  } catch (problem) {
    say(problem.message || String(problem), "bad");
  } finally {
    freeze(false);
  }
}

// What became of it; null where it was said already that it did not arrive.
async function sendBy(parcel, choice) {
  return choice.rdns ? sendByWallet(parcel, choice) : sendLocally(parcel);
}

async function sendLocally(parcel) {
  remember(parcel);
  try {
    await post("/api/local", { token: parcel.token });
  } catch (problem) {
    if (!problem.lost) { forget(parcel.token); throw problem; }
  }
  return watch(parcel.token, parcel.what);
}

// The provider of the chosen account, on this page's chain; null where it was said what is in the way.
async function readyWallet(choice) {
  const wallet = wallets.get(choice.rdns);
  if (!wallet) throw new Problem(t("wallet_gone"));
  const { provider } = wallet;
  let found, accounts;
  try {
    found = Number(await patiently(provider.request({ method: "eth_chainId" }), t("slow_wallet")));
    accounts = await patiently(provider.request({ method: "eth_accounts" }), t("slow_wallet"));
  } catch (error) {
    throw new Problem(t("wallet_silent", { message: error.message || error }));
  }
  if (found !== chainId) {
    say(t("wrong_network", { found, chain: chainId }), "bad", [[t("switch"), (box) => switchNetwork(provider, box)]]);
    return null;
  }
  if (!accounts.some((a) => a.toLowerCase() === choice.address.toLowerCase())) throw new Problem(t("account_gone"));
  return provider;
}

async function sendByWallet(parcel, choice) {
  const provider = await readyWallet(choice);
  if (!provider) return null;
  await post("/api/claim", { token: parcel.token });
  remember(parcel);
  const waiting = say(t("confirm_in_wallet"));
  let hash;
  try {
    hash = await patiently(provider.request({ method: "eth_sendTransaction", params: [parcel.transaction] }), t("slow_signature"));
  } catch (error) {
    waiting.remove();
    if (UNSENT.has(error.code)) {
      const text = error.code === 4001 ? t("rejected") : t("wallet_refused", { message: error.message || error.code });
      forget(parcel.token);
      await post("/api/rejected", { token: parcel.token, message: text }).catch(() => null);
      throw new Problem(text);
    }
    // The connection broke: it may be on its way all the same.
    return watch(parcel.token, parcel.what, t("wallet_lost"));
  }
  waiting.remove();
  remember(parcel, hash);
  await report("/api/sent", { token: parcel.token, hash });
  return watch(parcel.token, parcel.what);
}

// ---- what a sponsor sends and pays for -------------------------------------------------------------------------------

async function signFor(parcel, choice, form) {
  const signature = choice.rdns ? await signedByWallet(parcel.typed, choice)
    : (await post("/api/sign_locally", { account: choice.address, typed: JSON.stringify(parcel.typed) })).signature;
  if (!signature) return;
  const { number } = await patiently(insist("/api/hand_in", { ...parcel.letter, signature }), t("slow_sponsor"));
  const { model, sample, text } = parcel.letter;
  const letter = { token: `${model}-${number}`, what: parcel.what, letter: { model, number, sample, text } };
  store("pending", [...pending(), letter]);
  form.reset();
  forgetDraft(form);
  follow(letter);
}

async function signedByWallet(typed, choice) {
  const provider = await readyWallet(choice);
  if (!provider) return null;
  const waiting = say(t("confirm_in_wallet"));
  try {
    const params = [choice.address, JSON.stringify(typed)];
    return await patiently(provider.request({ method: "eth_signTypedData_v4", params }), t("slow_signature"));
  } catch (error) {
    throw new Problem(error.code === 4001 ? t("rejected") : t("wallet_refused", { message: error.message || error.code }));
  } finally {
    waiting.remove();
  }
}

// Tells what becomes of it, also after a reload; the person goes on meanwhile.
async function follow({ token, what, letter }) {
  let box = null, shown = "";
  for (let wait = 500; ; wait = Math.min(wait * 1.5, 5000)) {
    let became;
    try { became = await post("/api/handed_in", letter, true); } catch (problem) {
      became = { text: problem.message, state: problem.message, final: !problem.lost };
    }
    if (became.state !== shown) {
      if (box) box.remove();
      const mine = [t("to_mine"), () => location.assign(`/models/${letter.model}/refund`)];
      box = say(t("done", { what, message: became.text }), became.good ? "good" : became.final ? "bad" : "", became.good ? [mine] : []);
      shown = became.state;
    }
    if (became.final) { forget(token); return; }
    await sleep(wait);
  }
}

async function switchNetwork(provider, box) {
  try {
    await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: "0x" + chainId.toString(16) }] });
    box.remove();
    say(t("switched"), "good");
  } catch (error) {
    say(error.code === 4902 ? t("unknown_chain", { chain: chainId }) : t("not_switched", { message: error.message || error.code }), "bad");
  }
}

// ---- transactions that are under way survive a reload ----------------------------------------------------------------

const pending = () => store("pending") || [];
function remember(parcel, hash = "") {
  const others = pending().filter((p) => p.token !== parcel.token);
  store("pending", [...others, { token: parcel.token, what: parcel.what, hash }]);
}
const forget = (token) => store("pending", pending().filter((p) => p.token !== token));

// Resolves to what the server says of a transaction that arrived, or to null.
async function watch(token, what, first = "") {
  let box = say(first || t("sent", { what })), lost = null, shown = "";
  for (let wait = 150; ; wait = Math.min(wait * 1.5, 2000)) {
    await sleep(wait);
    let state;
    try {
      state = await post("/api/status", { token }, true);
    } catch (problem) {
      if (!problem.lost) { box.remove(); forget(token); say(problem.message, "bad"); return null; }
      lost = lost || say(t("goes_on", { problem: problem.message }), "bad");
      continue;
    }
    if (lost) { lost.remove(); lost = null; }
    if (state.state === "done") { forget(token); box.remove(); return state; }
    if (state.state === "reverted" || state.state === "rejected") { forget(token); box.remove(); say(state.message, "bad"); return null; }
    if (state.state === "prepared") { box.remove(); forget(token); say(t("not_sent"), "bad"); return null; }
    if (state.state === "asked" && shown !== "asked" && !first) {
      shown = "asked";
      box.remove();
      box = say(t("still_open", { what }), "", [[t("was_not_sent"), async (self) => {
        await report("/api/rejected", { token, message: t("you_said") });
        self.remove();
      }]]);
    }
  }
}

async function watchOn({ token, what, hash, letter }) {
  if (letter) { follow({ token, what, letter }); return; }
  if (hash) await report("/api/sent", { token, hash });
  const done = await watch(token, what);
  if (done) finish(t("done", { what, message: done.message }), "good");
}

function finish(text, kind, form = null) {
  if (form) forgetDraft(form);
  session("flash", [text, kind]);
  location.reload();
}

// ---- what was typed survives reloads, choosing an account, and refusals ----------------------------------------------

const SMALL = 1500000; // bytes of a file that is kept
const draftOf = (form) => `draft:${location.pathname}:${form.querySelector("[name=action]")?.value || ""}`;
const drafted = (form) => [...form.elements].filter((e) => e.name && e.type !== "hidden" && e.type !== "submit");

function keepDraft(form) {
  const fields = {};
  for (const e of drafted(form)) {
    if (e.type === "file") continue;
    if (e.type === "checkbox" || e.type === "radio") (fields[e.name] = fields[e.name] || []).push([e.value, e.checked]);
    else if (e.value !== e.defaultValue) fields[e.name] = e.value;
  }
  session(draftOf(form), { ...session(draftOf(form)), fields });
}

async function keepFile(form, input) {
  const file = input.files[0];
  if (!file || file.size > SMALL) { session(draftOf(form), { ...session(draftOf(form)), file: null }); return; }
  const reader = new FileReader();
  reader.onload = () => session(draftOf(form), { ...session(draftOf(form)), file: { field: input.name, name: file.name, type: file.type, data: reader.result } });
  reader.readAsDataURL(file);
}

function restoreDraft(form) {
  const draft = session(draftOf(form));
  const given = new URLSearchParams(location.search); // a link that brings a text wins
  if (!draft) return;
  for (const e of drafted(form)) {
    const value = draft.fields?.[e.name];
    if (value === undefined || given.has(e.name) || e.type === "file") continue;
    if (Array.isArray(value)) { const found = value.find(([v]) => v === e.value); if (found) e.checked = found[1]; }
    else if (e.tagName !== "SELECT" || [...e.options].some((o) => o.value === value)) e.value = value;
  }
  const input = draft.file && form.querySelector(`input[type=file][name=${CSS.escape(draft.file.field)}]`);
  if (input) {
    const [head, data] = draft.file.data.split(",");
    const bytes = Uint8Array.from(atob(data || ""), (c) => c.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], draft.file.name, { type: head.slice(5).split(";")[0] }));
    input.files = transfer.files;
  }
}

const forgetDraft = (form) => session(draftOf(form), null);

// ---- what is due, and live prices -----------------------------------------------------------------------------------

async function showDue() {
  if (!body.dataset.account || !chainId) return;
  let due;
  try { due = await post("/api/due", { account: body.dataset.account }, true); } catch { return; }
  const box = byId("due");
  box.hidden = !due.text;
  box.classList.toggle("urgent", due.urgent);
  box.firstElementChild.replaceChildren(...withTimes(due.text));
  if (due.warning && due.at - due.now < 86400 * 2) notify(due.warning, `${due.at}`);
  else if (due.count) notify(due.text, `${due.count}`);
}

function notify(text, tag) {
  if (!store("notify") || !("Notification" in window) || Notification.permission !== "granted" || session("told") === tag) return;
  session("told", tag);
  new Notification(document.querySelector("meta[property='og:title']").content, { body: withTimes(text).map((n) => n.textContent || n).join(""), tag });
}

async function askToNotify() {
  if (!("Notification" in window)) { say(t("no_notifications"), "bad"); return; }
  if (await Notification.requestPermission() !== "granted") { say(t("no_notifications"), "bad"); return; }
  store("notify", true);
  say(t("will_notify"), "good");
  showDue();
}

async function showPrice(form) {
  if (document.hidden || busy) return;
  try {
    const price = await post("/api/price", { model: form.dataset.price }, true);
    if (price.required) byId("required").textContent = price.required;
  } catch { /* the next time */ }
}

// ---- start ----------------------------------------------------------------------------------------------------------

function openConnect() { byId("connect").showModal(); }

function chooseTheme() {
  const theme = store("theme");
  if (theme) document.documentElement.dataset.theme = theme;
  byId("theme").addEventListener("click", () => {
    const dark = document.documentElement.dataset.theme
      ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    store("theme", dark ? "light" : "dark");
  });
}

function start() {
  chooseTheme();
  all("time").forEach(showTime);
  setInterval(() => all("time").forEach(showTime), 30000);
  byId("account-button").addEventListener("click", openConnect);
  for (const button of all("dialog [data-close]")) button.addEventListener("click", () => button.closest("dialog").close());
  byId("forget")?.addEventListener("click", () => chooseAccount(null));
  byId("local-form")?.addEventListener("submit", (event) => {
    event.preventDefault();
    chooseAccount({ address: byId("local-account").value });
  });
  document.querySelector("form[data-clock]")?.addEventListener("submit", async (event) => {
    event.preventDefault();
    try { await post("/api/clock", new FormData(event.target)); location.reload(); } catch (problem) { say(problem.message, "bad"); }
  });
  for (const select of all("select[data-shows]")) {
    const show = () => { for (const part of all("[data-shown]")) part.hidden = part.dataset.shown !== select.value; };
    select.addEventListener("change", show);
    show();
  }
  for (const form of all("form[data-draft]")) {
    restoreDraft(form);
    form.addEventListener("input", (event) => {
      if (event.target.type === "file") keepFile(form, event.target);
      else keepDraft(form);
    });
  }
  for (const input of all("input[type=file]")) { // said before it is sent
    input.addEventListener("change", () => {
      const tooLarge = input.files[0]?.size > input.dataset.most * 1e6;
      input.setCustomValidity(tooLarge ? t("too_large", { most: input.dataset.most }) : "");
      input.reportValidity();
    });
  }
  for (const form of all("form[data-action]")) {
    form.addEventListener("submit", (event) => { event.preventDefault(); submit(form, "signing" in (event.submitter?.dataset || {})); });
  }
  for (const form of all("form[data-price]")) setInterval(() => showPrice(form), 10000);
  for (const part of all("[data-forget]")) session(`draft:${part.dataset.forget}:`, null); // it has arrived
  byId("claim-all")?.addEventListener("click", claimAll);
  byId("notify")?.addEventListener("click", askToNotify);
  for (const button of all("[data-back]")) button.addEventListener("click", () => history.back());
  for (const button of all("[data-fill]")) {
    button.addEventListener("click", () => {
      const field = byId(button.dataset.fill);
      field.value = button.dataset.value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.focus();
    });
  }
  for (const button of all("[data-copy]")) {
    button.addEventListener("click", async () => {
      try { await navigator.clipboard.writeText(button.dataset.copy); say(t("copied"), "good"); } catch { say(t("link_is", { link: button.dataset.copy })); }
    });
  }
  document.querySelector("[data-news]")?.focus();
  const flash = session("flash");
  session("flash", null);
  if (flash) say(...flash);
  watchWallet();
  pending().forEach(watchOn);
  showDue();
  setInterval(showDue, 60000);
}

start();
