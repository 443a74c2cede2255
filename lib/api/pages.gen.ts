/** Made by web/build.ts from web/*.html. Change those, then run it. */

export interface Page {
  /** Content-Security-Policy. */
  readonly policy: string;
  readonly html: string;
}

export const HOME: Page = {
  policy: [
    "default-src 'none'",
    "script-src 'sha256-y4JyT3GBhaRew0T+QJ/pi3OEfeuTPCU1GjiRXAvon6I='",
    "style-src 'sha256-y/TSHBGgOemh896GlqCE5GiXuqZ6ouKZP/kAGG4f7Hc='",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  html: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>stackchain node</title>
<style>
:root { color-scheme: light dark; --line: #8884; --soft: #666; --accent: #a84b00; --wrong: #b00; }
@media (prefers-color-scheme: dark) { :root { --soft: #aaa; --accent: #f93; --wrong: #f88; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 68rem; padding: 1rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
h1 small { color: var(--soft); font-weight: normal; }
.cards { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); }
.card { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; }
.card b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.card span { color: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem .3rem 0; text-align: left; }
td.n, th.n { text-align: right; }
code { font: .85em ui-monospace, monospace; overflow-wrap: anywhere; }
td.hash { max-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; width: 60%; }
a { color: var(--accent); } nav a { margin-right: 1rem; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: 1.5rem 0; padding: .6rem .8rem; }
summary { cursor: pointer; font-weight: bold; }
dt { font-weight: 600; margin-top: .6rem; } dd { margin: 0; }
#error { color: var(--wrong); }
@media (max-width: 40rem) { th, td { padding-right: .4rem; } td.hash { width: 30%; } }
</style>
</head>
<body>
<h1><span id="name">stackchain node</span> <small id="network"></small></h1>
<p id="error" role="alert"></p>
<section class="cards" aria-label="State">
<div class="card"><span>Height</span><b id="height">–</b></div>
<div class="card"><span>Difficulty</span><b id="difficulty">–</b></div>
<div class="card"><span>Mempool</span><b id="mempool">–</b></div>
<div class="card"><span>Peers</span><b id="peers">–</b></div>
<div class="card"><span>Mining</span><b id="mining">–</b></div>
</section>
<p>Tip <code id="tip">–</code></p>
<h2>Latest blocks</h2>
<div class="wide">
<table>
<thead><tr><th class="n">Height</th><th>Time</th><th class="n">Txs</th><th>Hash</th></tr></thead>
<tbody id="blocks"></tbody>
</table>
</div>
<details>
<summary>What you see</summary>
<dl>
<dt>Block</dt>
<dd>A page of the ledger. Its hash names it, and it names the one before: to change a block, all work
since then would have to be done again. Height counts from the first block, which is 0.</dd>
<dt>Miner</dt>
<dd>Tries numbers until a block’s hash is small enough, at so many hashes a second (H/s). The lower
the target, the greater the difficulty. Whoever finds a block is paid by its first transaction, the
coinbase.</dd>
<dt>Transaction, address</dt>
<dd>A transaction spends coins that earlier ones paid and pays new ones to addresses. An address stands
for a key: only who has the key can spend. Until a block takes it, a transaction waits in the mempool.</dd>
<dt>Peer, fork</dt>
<dd>Nodes tell their peers of new blocks. Where two are found at once the chain forks; all follow the
branch with most work, and what the other held goes back to the mempool. The newest block, the tip, may
therefore change: the deeper a block lies, the surer it is.</dd>
</dl>
</details>
<h2>More</h2>
<nav>
<a href="docs">API</a>
<a href="openapi.json">OpenAPI</a>
<a href="v1/node">Node</a>
<a href="v1/network">Network</a>
<a href="v1/peers">Peers</a>
<a href="v1/mempool">Mempool</a>
<a href="api/blocks">Esplora</a>
</nav>
<p><small>Addresses of this network look like Bitcoin’s. Never send bitcoins to them.</small></p>
<noscript>This page reads the node’s API with JavaScript; the links above work without.</noscript>
<script>
'use strict';
// The page may lie below any path prefix, with or without the slash at its end.
const last = location.pathname.split('/').pop();
const base = last === '' ? '' : last + '/';
const element = (id) => document.getElementById(id);
const show = (id, text) => { element(id).textContent = text; };
for (const link of document.querySelectorAll('nav a')) {
  link.setAttribute('href', base + link.getAttribute('href'));
}

async function read(path) {
  const response = await fetch(base + path, { headers: { Accept: 'application/json' } });
  if (!response.ok) throw new Error('the node answers ' + response.status);
  return response.json();
}

function rate(hashes) {
  const units = ['H/s', 'kH/s', 'MH/s', 'GH/s', 'TH/s'];
  let at = 0;
  while (hashes >= 1000 && at < units.length - 1) { hashes /= 1000; at += 1; }
  return hashes.toFixed(at === 0 ? 0 : 1) + ' ' + units[at];
}

function cell(row, text, kind) {
  const td = row.insertCell();
  td.textContent = text;
  if (kind) td.className = kind;
  return td;
}

function showNode(node) {
  document.title = node.name + ' · ' + node.height;
  show('name', node.name);
  show('network', node.network + ' · ' + node.version);
  show('height', node.height + (node.syncing ? ' of ' + node.headers : ''));
  show('difficulty', node.difficulty.toPrecision(4));
  show('mempool', node.mempool.count + ' tx, ' + Math.ceil(node.mempool.bytes / 1000) + ' kB');
  show('peers', node.peers === 0 ? 'none' : node.peers);
  show('mining', node.mining.active ? rate(node.mining.hashRate) : 'off');
  show('tip', node.tip);
}

function showBlocks(blocks) {
  const body = element('blocks');
  body.replaceChildren();
  for (const block of blocks) {
    const row = body.insertRow();
    cell(row, block.height, 'n');
    cell(row, new Date(block.timestamp * 1000).toLocaleString());
    cell(row, block.tx_count, 'n');
    const link = document.createElement('a');
    const code = document.createElement('code');
    code.textContent = block.id;
    link.href = base + 'v1/blocks/' + block.id;
    link.append(code);
    cell(row, '', 'hash').append(link);
  }
}

let shownTip = '';
let shownAt = '';
// An alert that is set again is read out again.
function say(text) {
  if (element('error').textContent !== text) show('error', text);
}

async function refresh() {
  try {
    const node = await read('v1/node');
    showNode(node);
    if (node.tip !== shownTip) showBlocks(await read('api/blocks'));
    shownTip = node.tip;
    shownAt = new Date().toLocaleTimeString();
    say('');
  } catch (error) {
    const stale = shownAt === '' ? '' : '. What you see is of ' + shownAt;
    say('Cannot read the node: ' + error.message + stale);
  }
  setTimeout(refresh, document.hidden ? 30000 : 3000);
}
refresh();
</script>
</body>
</html>
`,
};

export const DOCS: Page = {
  policy: [
    "default-src 'none'",
    "script-src 'sha256-p/R2prExJF/aEJS/POX29iFW6eh1I9BuRkvLPeOqEb0='",
    "style-src 'sha256-AlYy42IDbVhyWIQd4OG7+LcyKjGPH7faFsngmQSRMDA='",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  html: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>stackchain API</title>
<style>
:root { color-scheme: light dark; --line: #8884; --soft: #666; --accent: #a84b00; --wrong: #b00; }
@media (prefers-color-scheme: dark) { :root { --soft: #aaa; --accent: #f93; --wrong: #f88; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.05rem; margin-top: 2rem; text-transform: capitalize; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .4rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; }
summary b { display: inline-block; font: .8em ui-monospace, monospace; width: 4.5em; }
summary code { font-size: .95em; } summary span { color: var(--soft); margin-left: .6em; }
.token { border: 1px solid var(--accent); border-radius: .3rem; color: var(--accent);
  font-size: .75em; margin-left: .6em; padding: 0 .3em; }
pre { background: #8881; border-radius: .4rem; font: .85em/1.4 ui-monospace, monospace;
  overflow-x: auto; padding: .6rem; }
dt { font-weight: 600; margin-top: .5rem; } a { color: var(--accent); }
#error { color: var(--wrong); }
code { overflow-wrap: anywhere; }
</style>
</head>
<body>
<h1>stackchain API</h1>
<p id="about"></p>
<p>Rows marked <span class="token">token</span> want <code>Authorization: Bearer …</code>: the hex of
the data directory’s <code>.cookie</code>, or what <code>stackchain token</code> shows once for a deployed
node. Errors are <code>application/problem+json</code> with a stable <code>code</code>. The document itself: <a id="source" href="openapi.json">openapi.json</a>.</p>
<p id="error" role="alert"></p>
<main id="operations"></main>
<script>
'use strict';
const last = location.pathname.split('/').pop();
const base = last === '' ? '../' : '';
document.getElementById('source').href = base + 'openapi.json';

function make(tag, text, kind) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (kind) element.className = kind;
  return element;
}

// A schema as a short shape: {"hash": string, ...}.
function shape(schema, all, indent, depth) {
  if (!schema || depth > 8) return 'any';
  if (schema.$ref) return shape(all[schema.$ref.split('/').pop()], all, indent, depth + 1);
  const options = schema.anyOf || schema.oneOf;
  if (options) return options.map((one) => shape(one, all, indent, depth + 1)).join(' | ');
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === 'array') return '[' + shape(schema.items, all, indent, depth + 1) + ', …]';
  if (schema.properties) {
    const inner = indent + '  ';
    const needed = schema.required || [];
    const lines = Object.entries(schema.properties).map(([name, value]) =>
      inner + '"' + name + '"' + (needed.includes(name) ? '' : '?') + ': ' +
      shape(value, all, inner, depth + 1));
    return lines.length === 0 ? '{}' : '{' + String.fromCharCode(10) +
      lines.join(',' + String.fromCharCode(10)) + String.fromCharCode(10) + indent + '}';
  }
  return Array.isArray(schema.type) ? schema.type.join(' | ') : schema.type || 'any';
}

function addContent(list, title, part, all) {
  list.append(make('dt', title));
  const [entry] = Object.entries((part && part.content) || {});
  const text = part.description ? part.description : '';
  if (text) list.append(make('dd', text));
  if (!entry) return;
  const [media, { schema }] = entry;
  const dd = make('dd');
  dd.append(make('small', media), make('pre', shape(schema, all, '', 0)));
  list.append(dd);
}

function operation(path, method, spec, all) {
  const box = make('details');
  const summary = make('summary');
  summary.append(make('b', method.toUpperCase()), make('code', path), make('span', spec.summary));
  if (spec.security) summary.append(make('span', 'token', 'token'));
  const list = make('dl');
  for (const parameter of spec.parameters || []) {
    list.append(make('dt', parameter.name + ' (' + parameter.in + ')'));
    const words = shape(parameter.schema, all, '', 0);
    list.append(make('dd', parameter.required ? words : words + ', may be left out'));
  }
  if (spec.requestBody) addContent(list, 'Body', spec.requestBody, all);
  for (const [status, answer] of Object.entries(spec.responses)) {
    if (Number(status) < 300) addContent(list, status, answer, all);
  }
  const refusals = Object.keys(spec.responses).filter((status) => Number(status) >= 400);
  list.append(make('dt', 'Refusals'), make('dd', refusals.join(', ')));
  box.append(summary, list);
  return box;
}

async function render() {
  const response = await fetch(base + 'openapi.json');
  if (!response.ok) throw new Error('the node answers ' + response.status);
  const document_ = await response.json();
  document.getElementById('about').textContent = document_.info.description;
  const all = (document_.components && document_.components.schemas) || {};
  const sections = new Map();
  for (const [path, methods] of Object.entries(document_.paths)) {
    for (const [method, spec] of Object.entries(methods)) {
      const [tag = 'other'] = spec.tags || [];
      if (!sections.has(tag)) sections.set(tag, make('section')).get(tag).append(make('h2', tag));
      sections.get(tag).append(operation(path, method, spec, all));
    }
  }
  document.getElementById('operations').replaceChildren(...sections.values());
}
render().catch((error) => {
  document.getElementById('error').textContent = 'Cannot read openapi.json: ' + error.message;
});
</script>
</body>
</html>
`,
};
