// The form on the audit page, and the whole of verifier.html. Nothing leaves the page.
import {parseAnchor, verify} from './receipt.js';

globalThis.comity = {verify, parseAnchor};

const form = document.getElementById('verify');
const say = key => form.dataset[key];
const file = document.getElementById('verify-file');
const pick = document.getElementById('verify-pick');
const anchor = document.getElementById('verify-anchor');
const out = document.getElementById('verify-out');

// element builds a node; texts are never read as markup.
function element(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

function show(report, milliseconds) {
  const failed = report.checks.find(c => !c.ok);
  out.replaceChildren(
    element('p', {class: failed ? 'verdict bad' : 'verdict good', tabindex: '-1'}, failed ? say('bad') : report.anchor === 'pinned' ? say('good') : say('unpinned')),
    element('ol', {class: 'checks'}, ...report.checks.map(c => element('li', {class: c.ok ? 'ok' : 'fail'},
      element('strong', {}, `${c.ok ? say('ok') : say('fail')} ${say(c.name)}`), ' ', element('bdi', {dir: 'ltr'}, c.detail)))),
    element('p', {class: 'note'}, failed ? say('tell') : `${say('local')} (${Math.round(milliseconds)} ms)`),
  );
  out.dataset.state = failed ? 'bad' : 'good';
}

function trouble(message) {
  out.replaceChildren(element('p', {class: 'verdict bad'}, message));
  out.dataset.state = 'error';
}

async function bytes() {
  if (file.files.length) return new Uint8Array(await file.files[0].arrayBuffer());
  if (!pick?.value) throw new Error(say('none'));
  const answer = await fetch(pick.value);
  if (!answer.ok) throw new Error(`${pick.value}: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

async function run() {
  out.removeAttribute('data-state');
  try {
    const pinned = parseAnchor(anchor.value);
    const data = await bytes();
    const begun = performance.now();
    show(verify(data, pinned), performance.now() - begun);
  } catch (e) { trouble(e.message); }
}

if (form) {
  form.hidden = false;
  form.addEventListener('submit', e => { e.preventDefault(); run(); });
  pick?.addEventListener('change', () => { file.value = ''; });
  const drop = document.getElementById('verify-drop');
  drop.addEventListener('dragover', e => { e.preventDefault(); drop.classList.add('over'); });
  drop.addEventListener('dragleave', () => drop.classList.remove('over'));
  drop.addEventListener('drop', e => {
    e.preventDefault();
    drop.classList.remove('over');
    if (e.dataTransfer.files.length) { file.files = e.dataTransfer.files; run(); }
  });
}
