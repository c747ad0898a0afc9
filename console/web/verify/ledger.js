// Keys, checkpoints, entries and proofs: docs/format/log.md, package verifier/ledger.
import {Point} from '@noble/ed25519';
import {sha256, sha512} from '@noble/hashes/sha2.js';
import {base64, bytes, digest, integer, list, raw, rawOf, read, record, refuse, string, text, utf8} from './canon.js';

export const hex = b => Array.from(b, x => x.toString(16).padStart(2, '0')).join('');
export const concat = (...parts) => {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) { out.set(p, at); at += p.length; }
  return out;
};
export const equal = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);
export const sum = data => `sha256:${hex(sha256(data))}`;

// verify is RFC 8032, 5.1.7, without the cofactor, as Go's crypto/ed25519 has it: R is
// compared as bytes with SB - kA, and S is below the group's order.
const order = 2n ** 252n + 27742317777372353535851937790883648493n;
const little = b => BigInt(`0x${hex(Uint8Array.from(b).reverse())}`);
export function verify(key, message, signature) {
  if (signature.length !== 64) return false;
  const s = little(signature.subarray(32));
  if (s >= order) return false;
  let a;
  try { a = Point.fromBytes(key, true); } catch { return false; }
  const k = little(sha512(concat(signature.subarray(0, 32), key, message))) % order;
  const times = (p, n) => n === 0n ? Point.ZERO : p.multiply(n, false);
  return equal(times(Point.BASE, s).add(times(a, k).negate()).toBytes(), signature.subarray(0, 32));
}

// Public keys of order 1, 2, 4 and 8, sign bit aside: anybody can sign for them.
const weak = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

// parseKey reads a C2SP verifier key, NAME+HASH+BASE64, of a signature type.
export function parseKey(encoded, type) {
  const m = /^([^+\s\p{Cc}]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})$/u.exec(encoded);
  if (!m || utf8(m[1]).length > 200) refuse(`not a verifier key: ${encoded}`);
  const data = base64(m[3]);
  const hash = sha256(concat(utf8(`${m[1]}\n`), data)).subarray(0, 4);
  if (data[0] !== type || hex(hash) !== m[2]) refuse(`not a verifier key of type ${type}: ${encoded}`);
  const key = data.subarray(1);
  const sign = Uint8Array.from(key);
  sign[31] &= 0x7f;
  if (weak.has(hex(sign))) refuse(`key of small order: ${encoded}`);
  return {encoded, name: m[1], hash, key};
}

const logKey = 1, witnessKey = 4; // c2sp.org/signed-note, "Signature types".

// policyOf says which log is meant and who must have seen it. The operator could show its
// own witness whatever it likes, so that witness does not count.
export function policyOf(charter) {
  const {log, witnesses} = charter.transparency;
  const own = `${log.operator.toLowerCase()}.witness+`;
  return {origin: log.origin, log: log.key, threshold: witnesses.threshold, witnesses: witnesses.of.filter(w => !w.startsWith(own))};
}

// openCheckpoint accepts a checkpoint in its one form only: the log's line, then as many
// cosignatures as the threshold asks for, in ascending order of the witnesses' keys.
export function openCheckpoint(source, policy) {
  if (policy.witnesses.length > 99 || policy.threshold < 0 || policy.threshold > policy.witnesses.length) refuse('a threshold that cannot be met');
  const log = parseKey(policy.log, logKey);
  const byBytes = (a, b) => { const x = utf8(a), y = utf8(b); for (let i = 0; i < x.length && i < y.length; i++) if (x[i] !== y[i]) return x[i] - y[i]; return x.length - y.length; };
  const witnesses = [...policy.witnesses].sort(byBytes).map(w => parseKey(w, witnessKey));
  if (new Set([log, ...witnesses].map(k => hex(k.key))).size !== witnesses.length + 1) refuse('one key has two names');
  if (utf8(source).length > 64 << 10) refuse('checkpoint of more than 64 KiB');
  const m = /^([^\n]+)\n(0|[1-9]\d*)\n([^\n]+)\n\n((?:[^\n]+\n)+)$/.exec(source);
  if (!m) refuse('not a checkpoint');
  const [, origin, size, root, signatures] = m;
  if (origin !== policy.origin) refuse(`checkpoint of log ${origin}, the charter names ${policy.origin}`);
  if (BigInt(size) >= 2n ** 63n) refuse('size of more than 63 bits');
  const rootHash = base64(root);
  if (rootHash.length !== 32) refuse('root is not 32 bytes');
  const note = `${origin}\n${size}\n${root}\n`;
  const lines = signatures.slice(0, -1).split('\n').map(signatureLine);
  checkLog(lines[0], log, note);
  const cosigned = [];
  let next = 0;
  for (const line of lines.slice(1)) {
    const at = witnesses.findIndex((w, i) => i >= next && w.name === line.name && equal(w.hash, line.hash));
    if (at < 0) refuse(`a signature line of ${line.name} is unknown, repeated or misplaced`);
    cosigned.push({name: line.name, time: checkWitness(line, witnesses[at], note)});
    next = at + 1;
  }
  if (cosigned.length < policy.threshold) refuse(`${cosigned.length} witnesses cosigned, ${policy.threshold} of ${witnesses.length} must`);
  if (cosigned.length > policy.threshold) refuse('more cosignatures than the one form has');
  return {origin, size: BigInt(size), root: rootHash, cosigned, witnesses: witnesses.length};
}

function signatureLine(line) {
  const m = /^\u2014 (\S+) (\S+)$/u.exec(line);
  if (!m) refuse('not a signature line');
  const data = base64(m[2]);
  return {name: m[1], hash: data.subarray(0, 4), signature: data.subarray(4)};
}

function checkLog(line, key, note) {
  if (line.name !== key.name || !equal(line.hash, key.hash)) refuse(`not signed by the log's key ${key.encoded}`);
  if (!verify(key.key, utf8(note), line.signature)) refuse("the log's signature does not fit the checkpoint");
}

// checkWitness returns the time of a cosignature in seconds since 1970.
function checkWitness({name, signature}, key, note) {
  if (signature.length !== 72 || signature[0] >= 0x80) refuse(`cosignature of ${name} is not a time and a signature`);
  const time = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
  if (!verify(key.key, utf8(`cosignature/v1\ntime ${time}\n${note}`), signature.subarray(8))) refuse(`the cosignature of ${name} does not fit the checkpoint`);
  return time;
}

// The fixed texts of an entry: DSSE and in-toto.
const payloadType = 'application/vnd.in-toto+json';
const statementType = 'https://in-toto.io/Statement/v1';
const predicateType = 'https://comity.example/statement/v1';

const envelope = record({payload: bytes, payloadType: string, signatures: list(record({keyid: string, sig: bytes}))});
const statement = record({author: string, body: string, charter: digest, counter: integer, kind: string, record: raw});
const attestation = record({
  _type: string, predicate: statement, predicateType: string,
  subject: list(record({digest: record({sha256: string}), name: string})),
});

// openEntry reads a DSSE envelope around one statement; checkEntry checks its signature.
export function openEntry(data) {
  if (data.length > 65535) refuse(`entry of ${data.length} bytes, at most 65535`);
  const e = envelope(read(text(data)));
  if (e.payloadType !== payloadType || e.signatures.length !== 1) refuse('an entry has one payload type and one signature');
  const a = attestation(read(text(e.payload)));
  const s = a.predicate;
  if (!/^[A-Z0-9][A-Z0-9-]{1,31}$/.test(s.author)) refuse('the author is not a party id');
  for (const name of [s.body, s.kind]) if (!name || utf8(name).length > 100) refuse('body and kind have 1 to 100 bytes');
  if (s.counter < 1) refuse('counters begin at 1');
  const name = `${s.body}/${s.author}/${s.counter}`;
  const is = a.subject[0];
  const fits = a._type === statementType && a.predicateType === predicateType && a.subject.length === 1 &&
    is.name === name && `sha256:${is.digest.sha256}` === sum(utf8(s.record[rawOf]));
  if (!fits) refuse('types or subject do not fit the predicate');
  return {statement: s, payload: e.payload, signature: e.signatures[0], leaf: sha256(concat(Uint8Array.of(0), data))};
}

export function checkEntry(entry, encodedKey) {
  const key = parseKey(encodedKey, logKey);
  if (entry.signature.keyid !== key.name) refuse(`it names key ${entry.signature.keyid}, its author's is ${key.name}`);
  const said = concat(utf8(`DSSEv1 ${payloadType.length} ${payloadType} ${entry.payload.length} `), entry.payload);
  if (!verify(key.key, said, entry.signature.sig)) refuse(`the signature is not one of ${key.name}`);
}

// checkInclusion is RFC 9162, 2.1.3.2.
export function checkInclusion(leaf, index, size, proof, root) {
  if (index >= size) refuse(`entry ${index} under a tree of size ${size}`);
  let at = index, last = size - 1n, hash = leaf;
  const one = Uint8Array.of(1);
  for (const p of proof) {
    if (last === 0n) refuse('the proof is too long');
    if (at & 1n || at === last) {
      hash = sha256(concat(one, p, hash));
      while (!(at & 1n) && at !== 0n) { at >>= 1n; last >>= 1n; }
    } else hash = sha256(concat(one, hash, p));
    at >>= 1n; last >>= 1n;
  }
  if (last !== 0n) refuse('the proof is too short');
  if (!equal(hash, root)) refuse('the entry is not in the log that was signed: the proof leads to another root');
}
