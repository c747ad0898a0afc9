// The verdict on a receipt, made where the reader is: docs/format/receipt.md, package
// audit. The same checks in the same order. Of the embedded charter only what they use is
// read and held to the rules for charters: its keys, its witnesses and its largest gap.
import words from 'comity:words';
import {base64, integer, list, optional, ratio, raw, rawOf, read, record, refuse, Refused, string, text, bytes, utf8} from './canon.js';
import {allocationRecord, check as checkCertificate, problemRecord, shares} from './certificate.js';
import {checkEntry, checkInclusion, openCheckpoint, openEntry, policyOf, sum} from './ledger.js';

const header = 'c2sp.org/tlog-proof@v1';
const maxReceipt = 16 << 20, maxProof = 63, maxSealed = 1 << 20;
const extraRecord = record({entry: bytes, charter: raw, problem: optional(raw)});

// eightWords are the first 88 bits of a digest, 11 to a word.
export function eightWords(digest) {
  let bits = BigInt(`0x${digest.slice(7, 7 + 22)}`);
  const out = [];
  for (let i = 0; i < 8; i++) { out.unshift(words[Number(bits & 2047n)]); bits >>= 11n; }
  return out.join('-');
}

// parseAnchor reads what a reader types: sha256 and hex, or eight words of the list. It
// returns null for nothing.
export function parseAnchor(typed) {
  const given = typed.trim();
  if (!given) return null;
  if (typed.length > 200) refuse('more than 200 characters; give sha256:... or eight words');
  if (given.startsWith('sha256:')) return /^sha256:[0-9a-f]{64}$/.test(given) ? given : refuse('write sha256: and 64 lower-case hex digits');
  const picked = given.toLowerCase().split(/[- \t\n]+/).filter(Boolean);
  if (picked.length !== 8) refuse(`${picked.length} words; give sha256:... or eight words`);
  const unknown = picked.find(w => !words.includes(w));
  if (unknown) refuse(`"${unknown}" is not in the list of words`);
  return picked.join('-');
}

// verify looks at the bytes of a receipt under an anchor from parseAnchor.
export function verify(data, anchor) {
  const report = {verified: false, anchor: anchor ? 'pinned' : 'unpinned', charter: '', words: '', subject: '', checks: []};
  const c = {data, anchor, report};
  for (const [name, step] of [['form', form], ['charter', charter], ['signature', signature], ['witnesses', witnesses], ['inclusion', inclusion], ['content', content]]) {
    try {
      report.checks.push({name, ok: true, detail: step(c)});
    } catch (e) {
      report.checks.push({name, ok: false, detail: e instanceof Refused ? e.message : `unforeseen: ${e.message}`});
      return report;
    }
  }
  report.verified = true;
  return report;
}

function form(c) {
  if (c.data.length > maxReceipt) refuse(`receipt of ${c.data.length} bytes, at most ${maxReceipt}`);
  const cut = c.data.findIndex((b, i) => b === 10 && c.data[i + 1] === 10);
  if (cut < 0) refuse('a receipt has a checkpoint after an empty line');
  const [first, extraLine, indexLine, ...proof] = text(c.data.subarray(0, cut)).split('\n');
  if (first !== header) refuse(`a receipt begins with ${header}`);
  if (!extraLine?.startsWith('extra ')) refuse('line 2 is not extra data');
  const extra = extraRecord(read(text(base64(extraLine.slice(6)))));
  const index = /^index (0|[1-9]\d{0,18})$/.exec(indexLine ?? '');
  if (!index || BigInt(index[1]) >= 2n ** 63n) refuse('line 3 is not an index');
  if (proof.length > maxProof) refuse(`more than ${maxProof} hashes`);
  c.proof = proof.map(line => { const h = base64(line); return h.length === 32 ? h : refuse('a proof hash has 32 bytes'); });
  c.index = BigInt(index[1]);
  c.checkpointBytes = c.data.subarray(cut + 2);
  c.extra = extra;
  c.entry = openEntry(extra.entry);
  c.statement = c.entry.statement;
  c.report.subject = `${c.statement.kind} statement ${c.statement.counter} of ${c.statement.author}`;
  return `${c.report.subject}, ${c.data.length} bytes in the one canonical form`;
}

// What of a sealed charter the checks use; every other key is the parties' own affair.
const part = shape => v => {
  if (!(v instanceof Map)) refuse('want an object');
  return Object.fromEntries(Object.entries(shape).map(([key, of]) => [key, of(v.get(key))]));
};
const charterPart = part({
  id: string, version: integer,
  parties: list(part({id: string, node: part({key: string})})),
  decisions: part({max_gap: ratio}),
  transparency: part({
    log: record({origin: string, key: string, operator: string}),
    witnesses: record({threshold: integer, of: list(string)}),
  }),
});

// checkWitnessClause holds rules E307 and E308 of docs/format/charter.md: a consortium
// that one witness can speak for would agree with anything.
function checkWitnessClause({parties, transparency: {log, witnesses}}) {
  const ids = new Set(parties.map(p => p.id));
  if (!ids.has(log.operator) || !log.key.startsWith(`${log.origin}+`)) refuse("the log's operator is no party, or its key does not bear its origin");
  const names = new Set([...ids].filter(id => id !== log.operator).map(id => `${id.toLowerCase()}.witness`));
  if (witnesses.of.some(key => !names.has(key.slice(0, key.indexOf('+'))))) refuse('a witness is of no party, or of the operator');
  const least = Math.floor(2 * witnesses.of.length / 3) + 1;
  if (witnesses.of.length < 2 || witnesses.threshold < least) refuse(`${witnesses.threshold} of ${witnesses.of.length} witnesses must sign; at least ${least} must, of two or more`);
}

function charter(c) {
  const sealed = utf8(c.extra.charter[rawOf]);
  if (sealed.length > maxSealed) refuse('not a sealed charter: more than 1 MiB');
  const digest = sum(sealed);
  c.charter = charterPart(c.extra.charter);
  c.report.charter = digest;
  c.report.words = eightWords(digest);
  checkWitnessClause(c.charter);
  const fits = c.anchor === null || c.anchor === (c.anchor.startsWith('sha256:') ? digest : c.report.words);
  if (!fits) refuse(`another consortium's charter: the receipt carries ${c.report.words}, pinned is ${c.anchor}`);
  if (c.statement.charter !== digest || c.statement.body !== c.charter.id) refuse('the statement is made under another charter than the receipt carries');
  return c.anchor ? `${c.charter.id} v${c.charter.version} is the pinned charter` : `self-consistent under charter ${c.report.words}; compare these words with a source you trust`;
}

function signature(c) {
  const author = c.charter.parties.find(p => p.id === c.statement.author) ?? refuse(`${c.statement.author} is not a party of the charter`);
  checkEntry(c.entry, author.node.key);
  return `by the key that the charter gives to ${author.id}`;
}

function witnesses(c) {
  const policy = policyOf(c.charter);
  c.checkpoint = openCheckpoint(text(c.checkpointBytes), policy);
  return `${c.checkpoint.cosigned.length} of ${policy.witnesses.length} cosigned, ${policy.threshold} needed`;
}

function inclusion(c) {
  checkInclusion(c.entry.leaf, c.index, c.checkpoint.size, c.proof, c.checkpoint.root);
  return `entry ${c.index} of the ${c.checkpoint.size} in log ${c.checkpoint.origin}`;
}

// content checks what the kind of statement allows a stranger to check alone.
function content(c) {
  const {kind} = c.statement;
  if (kind !== 'allocation' && c.extra.problem) refuse(`a problem beside a ${kind} statement`);
  if (kind === 'charter') {
    if (sum(utf8(c.statement.record[rawOf])) !== c.report.charter) refuse('the logged charter is not the embedded one');
    return 'the logged charter is the embedded one';
  }
  if (kind !== 'allocation') return 'logged as signed; whether it was admissible is for a replay to say';
  const a = allocationRecord(c.statement.record);
  if (!c.extra.problem) refuse('an allocation without its problem');
  const p = problemRecord(c.extra.problem);
  const digest = sum(utf8(c.extra.problem[rawOf]));
  if (digest !== a.problem || p.charter !== c.report.charter || p.picture !== a.picture || p.period !== a.period) refuse(`the problem ${digest} is not the one that was solved, ${a.problem}`);
  checkCertificate(p, a.units, a.certificate, c.charter.decisions.max_gap);
  const sums = shares(p, a.units);
  const agree = sums.length === a.parties.length && sums.every((s, i) => s.party === a.parties[i].party && s.amount === a.parties[i].amount);
  if (!agree) refuse('the units by party do not add up');
  const total = sums.reduce((n, s) => n + s.amount, 0n);
  const [gap, of] = a.certificate.stages[0].gap;
  return `${total} ${p.unit}s to ${sums.length} parties: no plan within the rules is better by more than ${of === 1n ? gap : `${gap}/${of}`} (exact arithmetic)`;
}
