// The canonical form of records: docs/format/canonical.md, package canon.

const maxDepth = 64;
const escapes = {'"': '"', '\\': '\\', b: '\b', t: '\t', n: '\n', f: '\f', r: '\r'};

export class Refused extends Error {}
export const refuse = text => { throw new Refused(text); };

const decoder = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});
const encoder = new TextEncoder();
export const utf8 = text => encoder.encode(text);
export const text = bytes => {
  try { return decoder.decode(bytes); } catch { return refuse('not UTF-8'); }
};

// Raw is an object's own text beside what it means, for digests of parts.
export const rawOf = Symbol('raw');

// read returns what a document in canonical form means, and refuses every other text.
// Objects carry the text they were read from under rawOf.
export function read(source) {
  let at = 0;
  const fail = reason => refuse(`not in canonical form: character ${at}: ${reason}`);
  const take = c => source[at] === c && (at++, true);

  function value(depth) {
    const c = source[at];
    if (c === '{') return object(depth + 1);
    if (c === '[') return list(depth + 1);
    if (c === '"') return string();
    for (const [word, meaning] of [['null', null], ['true', true], ['false', false]])
      if (source.startsWith(word, at)) { at += word.length; return meaning; }
    return integer();
  }

  function list(depth) {
    if (depth > maxDepth) fail(`nested deeper than ${maxDepth} levels`);
    at++;
    const out = [];
    if (take(']')) return out;
    for (;;) {
      out.push(value(depth));
      if (take(']')) return out;
      if (!take(',')) fail('want , or ]');
    }
  }

  function object(depth) {
    if (depth > maxDepth) fail(`nested deeper than ${maxDepth} levels`);
    const start = at++;
    const out = new Map();
    let last;
    if (!take('}')) for (;;) {
      const key = string();
      // Text compares by UTF-16 code units, which is the order of RFC 8785, 3.2.3.
      if (last !== undefined && !(last < key)) fail(`key ${key} does not come after ${last}`);
      last = key;
      if (!take(':')) fail('want :');
      out.set(key, value(depth));
      if (take('}')) break;
      if (!take(',')) fail('want , or }');
    }
    out[rawOf] = source.slice(start, at);
    return out;
  }

  function integer() {
    const m = /-?\d+/y;
    m.lastIndex = at;
    const digits = m.exec(source)?.[0];
    if (!digits) fail('no value begins here');
    if (!/^(0|-?[1-9]\d*)$/.test(digits)) fail('want an integer without leading zeros');
    if (digits.length > 17 || !Number.isSafeInteger(Number(digits))) fail('integer from 2^53 on; such numbers are strings');
    at += digits.length;
    return Number(digits);
  }

  function string() {
    if (!take('"')) fail('want a string');
    let out = '';
    for (;;) {
      const c = source[at];
      if (c === '"') { at++; return out; }
      if (c === undefined || c < ' ') fail('string without an end, or with a bare control character');
      if (c !== '\\') { out += c; at++; continue; }
      const next = source[at + 1];
      if (next in escapes && next !== undefined) { out += escapes[next]; at += 2; continue; }
      const hex = /^\\u00(0[0-7be-f]|1[0-9a-f])/.exec(source.slice(at, at + 6));
      if (!hex) fail('want one of \\" \\\\ \\b \\t \\n \\f \\r, or \\u00 and two lower-case hex digits below 20');
      out += String.fromCharCode(parseInt(hex[1], 16));
      at += 6;
    }
  }

  const out = value(0);
  if (at !== source.length) fail('characters after the document');
  return out;
}

// Shapes of records. Each takes a value as read returns it and gives what it means.

export const integer = v => typeof v === 'number' ? v : refuse('want an integer');
export const string = v => typeof v === 'string' ? v : refuse('want a text');
export const raw = v => v instanceof Map ? v : refuse('want an object');
export const list = of => v => Array.isArray(v) ? v.map(of) : refuse('want a list');
export const optional = of => Object.assign(v => of(v), {optional: true});

// record wants exactly its keys; optional ones may be missing.
export const record = shape => v => {
  if (!(v instanceof Map)) refuse('want an object');
  const out = {};
  for (const [key, of] of Object.entries(shape)) {
    if (!v.has(key)) {
      if (!of.optional) refuse(`key ${key} is missing`);
      continue;
    }
    try { out[key] = of(v.get(key)); } catch (e) { throw e instanceof Refused ? new Refused(`${key}: ${e.message}`) : e; }
  }
  for (const key of v.keys()) if (!Object.hasOwn(shape, key)) refuse(`unknown key ${key}`);
  return out;
};

// whole is a 64-bit integer in a string.
export const whole = v => {
  if (typeof v !== 'string' || !/^(0|-?[1-9]\d{0,18})$/.test(v)) refuse('want a plain decimal of 64 bits in a string');
  const n = BigInt(v);
  return BigInt.asIntN(64, n) === n ? n : refuse(`${v} does not fit 64 bits`);
};

// ratio is an integer or a fraction in lowest terms, in a string: [numerator, denominator].
export const ratio = v => {
  const m = typeof v === 'string' && v.length <= 200 && /^(0|-?[1-9]\d*)(?:\/([1-9]\d*))?$/.exec(v);
  if (!m) refuse('want a ratio in lowest terms');
  const n = BigInt(m[1]), d = BigInt(m[2] ?? 1);
  if (m[2] && (d === 1n || gcd(n < 0n ? -n : n, d) !== 1n)) refuse(`${v} is not in lowest terms`);
  return [n, d];
};
const gcd = (a, b) => { while (b) [a, b] = [b, a % b]; return a; };

export const digest = v => typeof v === 'string' && /^sha256:[0-9a-f]{64}$/.test(v) ? v : refuse('want sha256: and 64 hex digits');

// bytes is base64 with padding and without spare bits, in a string.
export const bytes = v => typeof v === 'string' ? base64(v) : refuse('want base64');
export function base64(v) {
  let binary;
  try { binary = /[^A-Za-z0-9+/=]/.test(v) ? null : atob(v); } catch { binary = null; }
  if (binary === null || btoa(binary) !== v) refuse('not base64 in its one form');
  const out = new Uint8Array(binary.length);
  for (let i = 0; i < out.length; i++) out[i] = binary.charCodeAt(i);
  return out;
}
