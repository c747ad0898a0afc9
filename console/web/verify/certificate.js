// The exact check of an allocation: docs/format/certificate.md, package
// allocator/certificate. Whole numbers only; prices may come from anywhere.
import {digest, integer, list, optional, ratio, record, refuse, string, whole} from './canon.js';

const share = record({party: string, amount: whole});
export const allocationRecord = record({
  period: string, picture: digest, problem: digest, units: list(whole), parties: list(share),
  certificate: record({duals: list(whole), objective: ratio, bound: ratio, gap: ratio}),
});
export const problemRecord = record({
  charter: digest, picture: digest, period: string, unit: string, scale: whole,
  columns: list(record({id: string, party: string, cost: whole, lower: whole, upper: whole})),
  rows: list(record({
    id: string, clause: string, lower: optional(whole), upper: optional(whole),
    terms: list(record({column: integer, coeff: whole})),
  })),
  needs: list(record({party: string, amount: whole})),
});

const priceBits = 20n;

// Ids are compared as UTF-8, which for all but rare characters is the order of UTF-16.
const encoder = new TextEncoder();
const ascends = (a, b) => {
  const x = encoder.encode(a), y = encoder.encode(b);
  for (let i = 0; i < x.length && i < y.length; i++) if (x[i] !== y[i]) return x[i] < y[i];
  return x.length < y.length;
};

function checkShape(p) {
  p.columns.forEach((c, j) => {
    if (j > 0 && !ascends(p.columns[j - 1].id, c.id)) refuse(`column ${c.id} is out of order`);
    if (c.lower > c.upper) refuse(`column ${c.id} has lower above upper`);
  });
  p.rows.forEach((r, i) => {
    if (i > 0 && !ascends(p.rows[i - 1].id, r.id)) refuse(`row ${r.id} is out of order`);
    if (r.lower !== undefined && r.upper !== undefined && r.lower > r.upper) refuse(`row ${r.id} has lower above upper`);
    r.terms.forEach((t, k) => {
      if (t.column < 0 || t.column >= p.columns.length) refuse(`row ${r.id} names column ${t.column}`);
      if (t.coeff === 0n || k > 0 && r.terms[k - 1].column >= t.column) refuse(`row ${r.id} has a term out of order or zero`);
    });
  });
  p.needs.forEach((n, k) => {
    if (k > 0 && !ascends(p.needs[k - 1].party, n.party)) refuse(`need of ${n.party} is out of order`);
    if (n.amount < 0n) refuse(`need of ${n.party} is below 0`);
  });
}

// objective checks the units against every bound and row and returns their worth.
function objective(p, units) {
  if (units.length !== p.columns.length) refuse(`${units.length} units for ${p.columns.length} columns`);
  let worth = 0n;
  p.columns.forEach((c, j) => {
    if (units[j] < c.lower || units[j] > c.upper) refuse(`column ${c.id} gets ${units[j]}, allowed is ${c.lower} to ${c.upper}`);
    worth += c.cost * units[j];
  });
  for (const r of p.rows) {
    const used = r.terms.reduce((n, t) => n + t.coeff * units[t.column], 0n);
    if (r.lower !== undefined && used < r.lower) refuse(`row ${r.id} is ${used}, at least ${r.lower} is required`);
    if (r.upper !== undefined && used > r.upper) refuse(`row ${r.id} is ${used}, at most ${r.upper} is allowed`);
  }
  return worth;
}

// bound is U(Y) times 2^20: no feasible allocation is worth more.
function bound(p, duals) {
  if (duals.length !== p.rows.length) refuse(`${duals.length} prices for ${p.rows.length} rows`);
  const reduced = p.columns.map(c => c.cost << priceBits);
  let u = 0n;
  p.rows.forEach((r, i) => {
    const y = duals[i];
    if (y === 0n) return;
    const b = y < 0n ? r.lower : r.upper;
    if (b === undefined) refuse(`row ${r.id} has a price towards a bound that it does not have`);
    u += y * b;
    for (const t of r.terms) reduced[t.column] -= t.coeff * y;
  });
  p.columns.forEach((c, j) => { u += reduced[j] * (reduced[j] < 0n ? c.lower : c.upper); });
  return u;
}

const same = ([n, d], [m, e]) => n * e === m * d;
const abs = n => n < 0n ? -n : n;

// check wants exactly the stated objective, bound and gap, and a gap of at most maxGap
// times the bound.
export function check(p, units, certificate, maxGap) {
  checkShape(p);
  const one = 1n << priceBits;
  const worth = objective(p, units);
  const best = bound(p, certificate.duals);
  const gap = best - worth * one;
  for (const [name, stated, computed] of [
    ['objective', certificate.objective, [worth, 1n]], ['bound', certificate.bound, [best, one]], ['gap', certificate.gap, [gap, one]],
  ]) if (!same(stated, computed)) refuse(`the ${name} is not what units and prices give`);
  const [n, d] = maxGap;
  if (gap * d > n * abs(best)) refuse('the gap is larger than the charter allows');
}

// shares sums the units by party, in the order of the needs.
export function shares(p, units) {
  const sums = new Map(p.needs.map(n => [n.party, 0n]));
  p.columns.forEach((c, j) => {
    if (!sums.has(c.party)) refuse(`column ${c.id} is of party ${c.party}, which has no need`);
    const sum = sums.get(c.party) + units[j];
    if (BigInt.asIntN(64, sum) !== sum) refuse(`the share of ${c.party} overflows`);
    sums.set(c.party, sum);
  });
  return [...sums].map(([party, amount]) => ({party, amount}));
}
