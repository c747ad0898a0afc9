// The exact check of an allocation: docs/format/certificate.md, package
// allocator/certificate. Whole numbers only; prices may come from anywhere.
import {digest, integer, list, optional, ratio, record, refuse, string, whole} from './canon.js';

const share = record({party: string, amount: whole});
const split = record({column: integer, at: whole});
const proofRecord = record({
  prices: optional(list(whole)),
  tree: optional(list(record({split: optional(split), prices: optional(list(whole))}))),
});
const stageProof = record({
  stage: string, value: ratio, bound: ratio, gap: ratio,
  weights: optional(list(whole)), cuts: optional(list(record({limit: integer, vector: list(whole)}))), proof: proofRecord,
});
export const allocationRecord = record({
  period: string, picture: digest, problem: digest, units: list(whole), parties: list(share),
  certificate: record({stages: list(stageProof)}),
});
export const problemRecord = record({
  charter: digest, picture: digest, period: string, unit: string,
  columns: list(record({id: string, party: optional(string), lower: whole, upper: whole})),
  rows: list(record({
    id: string, clause: string, lower: optional(whole), upper: optional(whole),
    terms: list(record({column: integer, coeff: whole})),
  })),
  needs: list(record({party: string, amount: whole})),
  stages: list(record({
    id: string, kind: string, scale: whole, costs: list(whole),
    per: optional(list(whole)), outside: optional(list(whole)), power: optional(list(whole)), slack: ratio,
  })),
  limits: optional(list(record({id: string, clause: string, kind: string, per: list(whole), bound: ratio}))),
  absent: optional(list(string)),
});

const priceBits = 20n, evenBits = 52n, nashBits = 52, cutBits = 60n, cutRoom = 8, rankBits = 30n;
const maxProofs = 20000, maxDepth = 500, maxCuts = 10000;
const evenness = 'evenness';

// Ids are compared as UTF-8, which for all but rare characters is the order of UTF-16.
const encoder = new TextEncoder();
const ascends = (a, b) => {
  const x = encoder.encode(a), y = encoder.encode(b);
  for (let i = 0; i < x.length && i < y.length; i++) if (x[i] !== y[i]) return x[i] < y[i];
  return x.length < y.length;
};

// Ratios are pairs of BigInt with a denominator above 0.
const abs = n => n < 0n ? -n : n;
const compare = ([n, d], [m, e]) => { const x = n * e - m * d; return x < 0n ? -1 : x > 0n ? 1 : 0; };
const subtract = ([n, d], [m, e]) => [n * e - m * d, d * e];
const times = ([n, d], [m, e]) => [n * m, d * e];
const size = ([n, d]) => [abs(n), d];
const floor = ([n, d]) => { const q = n / d; return q * d > n ? q - 1n : q; };
const gcd = (a, b) => { while (b) [a, b] = [b, a % b]; return a; };
const bitLength = n => n === 0n ? 0 : n.toString(2).length;
const ceil = r => -floor([-r[0], r[1]]);

function checkShape(p) {
  const needs = new Set(p.needs.map(n => n.party));
  p.columns.forEach((c, j) => {
    if (j > 0 && !ascends(p.columns[j - 1].id, c.id)) refuse(`column ${c.id} is out of order`);
    if (c.party !== undefined && (!needs.has(c.party) || c.lower < 0n)) refuse(`column ${c.id} is of a party without a need, or below 0`);
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
  if (p.stages.length === 0) refuse('a problem without a stage');
  p.stages.forEach(s => checkStage(p, s));
  (p.limits ?? []).forEach((l, i) => {
    if (i > 0 && !ascends(p.limits[i - 1].id, l.id)) refuse(`limit ${l.id} is out of order`);
    const known = l.kind === 'gini' || l.kind === 'jain' && l.bound[0] > 0n;
    if (!known || l.per.length !== p.needs.length || l.per.length === 0 || l.per.some(n => n < 1n)) refuse(`limit ${l.id} is malformed`);
    if (l.bound[0] < 0n || compare(l.bound, [1n, 1n]) > 0) refuse(`limit ${l.id} is not from 0 to 1`);
  });
}

function checkStage(p, s) {
  const n = p.needs.length, have = [s.per, s.outside, s.power].map(x => (x ?? []).length);
  const want = {weighted: [0, 0, 0], maximin: [n, 0, 0], leximin: [n, 0, 0], nash: [0, n, n]};
  const known = Object.hasOwn(want, s.kind) && want[s.kind].every((x, i) => x === have[i]);
  if (!known || s.costs.length !== p.columns.length || s.id === evenness || s.kind !== 'weighted' && n === 0) refuse(`stage ${s.id} is malformed`);
  if (s.scale < 1n || s.slack[0] < 0n || s.kind === 'nash' && s.slack[0] > 0n) refuse(`stage ${s.id} has a scale or slack out of range`);
  if ([...s.per ?? [], ...s.power ?? []].some(x => x < 1n)) refuse(`stage ${s.id} has a size or power below 1`);
}

// feasible checks the units against every bound, row and limit.
function feasible(p, units, totals) {
  p.columns.forEach((c, j) => {
    if (units[j] < c.lower || units[j] > c.upper) refuse(`column ${c.id} gets ${units[j]}, allowed is ${c.lower} to ${c.upper}`);
  });
  for (const r of p.rows) {
    const used = r.terms.reduce((n, t) => n + t.coeff * units[t.column], 0n);
    if (r.lower !== undefined && used < r.lower) refuse(`row ${r.id} is ${used}, at least ${r.lower} is required`);
    if (r.upper !== undefined && used > r.upper) refuse(`row ${r.id} is ${used}, at most ${r.upper} is allowed`);
  }
  for (const l of p.limits ?? []) if (!obeys(l, totals)) refuse(`limit ${l.id} is broken`);
}

// obeys computes the index of a limit over a common denominator.
function obeys(l, totals) {
  const all = l.per.reduce((n, d) => n * d, 1n);
  const served = totals.map((x, k) => x * (all / l.per[k]));
  const sum = served.reduce((n, x) => n + x, 0n), n = BigInt(served.length);
  if (sum === 0n) return true;
  if (l.kind === 'jain') return compare([sum * sum, n * served.reduce((t, x) => t + x * x, 0n)], l.bound) >= 0;
  served.sort((a, b) => a < b ? -1 : a > b ? 1 : 0);
  return compare([served.reduce((t, x, i) => t + x * (2n * BigInt(i) + 1n - n), 0n), n * sum], l.bound) <= 0;
}

// Checker walks through the proofs of one certificate, as package certificate does.
class Checker {
  constructor(p, units) {
    Object.assign(this, {p, units, stage: 0, done: false, floors: []});
    const at = new Map(p.needs.map((n, k) => [n.party, k]));
    this.party = p.columns.map(c => at.get(c.party) ?? -1);
    this.settled = p.needs.map(() => false);
    this.totals = this.sums(p.columns.map(() => 1n));
  }

  // sums adds costs times units by need.
  sums(costs) {
    const out = this.p.needs.map(() => 0n);
    this.party.forEach((k, j) => { if (k >= 0) out[k] += costs[j] * this.units[j]; });
    return out;
  }

  // next says what a proof is about.
  next(proof) {
    const {p} = this;
    if (this.done) refuse('a proof after that of evenness');
    const stage = p.stages[this.stage] ?? {id: evenness, kind: evenness, slack: [0n, 1n]};
    if (proof.stage !== stage.id) refuse(`the proof of stage ${stage.id} must come here`);
    const weights = proof.weights ?? [];
    if (weights.length !== (stage.kind === 'weighted' ? 0 : p.needs.length)) refuse(`${weights.length} weights in the proof of ${stage.id}`);
    const aim = {stage, bits: priceBits, scale: 1n, slip: 0n, objective: p.columns.map(() => 0n), settled: [], value: [0n, 1n]};
    if (stage.kind === 'weighted') this.weighted(aim, proof);
    else if (stage.kind === 'nash') this.nash(aim, weights);
    else if (stage.kind === evenness) this.even(aim, weights);
    else this.least(aim, weights);
    return aim;
  }

  weighted(aim, proof) {
    const {costs, slack} = aim.stage;
    aim.objective = costs;
    aim.value = slack[0] > 0n ? proof.value : [costs.reduce((n, c, j) => n + c * this.units[j], 0n), 1n];
  }

  least(aim, weights) {
    const {stage} = aim;
    aim.worth = this.sums(stage.costs);
    aim.scale = 0n;
    aim.value = null;
    weights.forEach((v, k) => {
      if (v < 0n || v > 0n && this.settled[k]) refuse(`weight ${v} of ${this.p.needs[k].party}`);
      aim.settled[k] = !this.settled[k] && (v > 0n || stage.kind === 'maximin');
      aim.scale += v * stage.per[k];
      const own = [aim.worth[k], stage.per[k]];
      if (aim.settled[k] && (aim.value === null || compare(own, aim.value) < 0)) aim.value = own;
    });
    if (aim.scale === 0n) refuse('all weights are 0');
    aim.objective = this.party.map((k, j) => k < 0 ? 0n : stage.costs[j] * weights[k]);
  }

  nash(aim, weights) {
    const {stage} = aim;
    aim.worth = this.sums(stage.costs);
    const unit = this.largest(stage), quantum = this.p.needs.map(() => 0n);
    this.party.forEach((k, j) => { if (k >= 0) quantum[k] = gcd(quantum[k], abs(stage.costs[j])); });
    const gains = aim.worth.map((w, k) => {
      const gain = w - stage.outside[k];
      return gain > 0n ? gain : refuse(`${this.p.needs[k].party} gains nothing`);
    });
    const fine = gains.map((g, k) => bitLength(g) - bitLength(stage.power[k] * unit[k])).reduce((a, b) => Math.min(a, b));
    const bits = BigInt(Math.max(0, nashBits + fine));
    aim.bits = 0n;
    aim.scale = 1n << bits;
    weights.forEach((v, k) => {
      const g = gains[k], u = quantum[k], power = stage.power[k] << bits;
      if (u === 0n) {
        if (v !== 0n) refuse(`a weight of ${this.p.needs[k].party}, to which no unit is worth anything`);
        return;
      }
      if (v <= 0n || v * (2n * g - u) > 2n * power || v * v * g * (g + u) < power * power) refuse(`the weight of ${this.p.needs[k].party} is not between its slopes`);
      aim.slip -= v * aim.worth[k];
    });
    aim.objective = this.party.map((k, j) => k < 0 ? 0n : weights[k] * stage.costs[j]);
  }

  even(aim, weights) {
    aim.bits = 0n;
    aim.scale = 1n << evenBits;
    weights.forEach((v, k) => {
      const {party, amount: need} = this.p.needs[k];
      if (need === 0n) {
        if (v !== 0n) refuse(`a weight of ${party}, which needs nothing`);
        return;
      }
      const rest = 2n * (need - this.totals[k]), at = 2n * need * v;
      if (at < (rest - 1n) << evenBits || at > (rest + 1n) << evenBits) refuse(`the weight of ${party} is not between its slopes`);
      aim.slip -= v * this.totals[k];
    });
    aim.objective = this.party.map(k => k < 0 ? 0n : weights[k]);
  }

  // prove computes what a proof bounds.
  prove(aim, proof) {
    const more = [...this.floors, ...this.cuts(proof.cuts ?? [])];
    const u = bound(this.p, more, aim.objective, aim.bits, proof.proof);
    return [u + (aim.slip << aim.bits), aim.scale << aim.bits];
  }

  cuts(cuts) {
    const {p} = this, n = BigInt(p.needs.length);
    if (cuts.length > maxCuts) refuse('too many cuts');
    return cuts.map(({limit, vector}) => {
      const l = (p.limits ?? [])[limit];
      if (!l || vector.length !== p.needs.length) refuse('a cut of no limit');
      let part = times(l.bound, [n, 1n]);
      if (l.kind === 'gini') {
        const falling = [...vector].sort((a, b) => a > b ? -1 : a < b ? 1 : 0);
        let sum = 0n, k = 0n;
        if (falling.some(v => { k++; return (sum += v) > k * (n - k) << rankBits; })) refuse('a cut above the ranks of the parties');
        part = times(part, [1n << rankBits, 1n]);
      } else part = norm(vector, part);
      const per = l.per.reduce((a, b) => a > b ? a : b), most = vector.reduce((m, v) => abs(v) > m ? abs(v) : m, 1n);
      const one = 1n << cutBits + BigInt(Math.max(0, bitLength(per) - cutRoom));
      const coeff = vector.map((v, k) => floor(times(subtract([v, 1n], part), [one, most * l.per[k]])));
      const columns = this.party.flatMap((k, j) => k < 0 ? [] : [j]);
      return {columns, coeffs: columns.map(j => coeff[this.party[j]]), upper: 0n, cut: true};
    });
  }

  // keep adds the floors that later proofs may rely on, and goes on.
  keep(aim, value, bounded) {
    const {stage} = aim;
    if (stage.kind === evenness) { this.done = true; return; }
    if (stage.kind === 'weighted') {
      const columns = stage.costs.flatMap((c, j) => c === 0n ? [] : [j]);
      const lower = ceil(subtract(value, times(stage.slack, size(value))));
      if (stage.costs.reduce((n, c, j) => n + c * this.units[j], 0n) < lower) refuse(`the units miss the floor of ${stage.id}`);
      this.floors.push({columns, coeffs: columns.map(j => stage.costs[j]), lower});
    } else if (stage.kind === 'nash') aim.worth.forEach((w, k) => this.keepWorth(stage, k, w));
    else {
      const level = subtract(bounded, times(stage.slack, size(bounded)));
      const unit = this.largest(stage);
      aim.settled.forEach((on, k) => {
        if (!on) return;
        let least = floor(times(level, [stage.per[k], 1n]));
        if (stage.kind === 'leximin' && stage.slack[0] === 0n) least += unit[k];
        this.keepWorth(stage, k, least < aim.worth[k] ? least : aim.worth[k]);
      });
      if (stage.kind === 'leximin') {
        this.settled = this.settled.map((s, k) => s || aim.settled[k]);
        if (this.settled.includes(false)) return;
        this.settled.fill(false);
      }
    }
    this.stage++;
  }

  keepWorth(stage, need, lower) {
    const columns = this.party.flatMap((k, j) => k === need && stage.costs[j] !== 0n ? [j] : []);
    this.floors.push({columns, coeffs: columns.map(j => stage.costs[j]), lower});
  }

  largest(stage) {
    const out = this.p.needs.map(() => 0n);
    this.party.forEach((k, j) => { if (k >= 0 && abs(stage.costs[j]) > out[k]) out[k] = abs(stage.costs[j]); });
    return out;
  }

  // judge requires that the units miss the aim by no more than is allowed.
  judge(aim, value, bounded, maxGap) {
    const {stage} = aim, gap = subtract(bounded, value), allowed = times(maxGap, size(bounded));
    const large = () => refuse(`the gap of ${stage.id} is larger than the charter allows`);
    if (stage.kind === 'weighted') {
      if (gap[0] < 0n) refuse(`the value of ${stage.id} is above its bound`);
      if (compare(gap, allowed) > 0) large();
    } else if (stage.kind === 'nash') {
      const unit = this.largest(stage);
      const one = aim.worth.map((w, k) => [stage.power[k] * unit[k], w - stage.outside[k]]).reduce((a, b) => compare(a, b) < 0 ? b : a, [0n, 1n]);
      if (compare(subtract(gap, one), maxGap) > 0) large();
    } else if (stage.kind !== evenness) {
      const level = subtract(subtract(bounded, allowed), times(stage.slack, size(bounded)));
      const unit = this.largest(stage);
      aim.settled.forEach((on, k) => {
        if (on && compare([aim.worth[k] + unit[k], 1n], times(level, [stage.per[k], 1n])) < 0) large();
      });
    }
  }
}

// norm returns |v|/√part, rounded up at cutBits.
function norm(vector, [n, d]) {
  const square = vector.reduce((t, v) => t + v * v, 0n) << 2n * cutBits;
  const up = (a, b) => (a + b - 1n) / b;
  const whole = up(square * d, n);
  let root = isqrt(whole);
  if (root * root < whole) root += 1n;
  return [root, 1n << cutBits];
}

function isqrt(n) {
  if (n < 2n) return n;
  let x = 1n << BigInt((n.toString(2).length + 1) >> 1);
  for (;;) {
    const y = (x + n / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
}

// bound is U times 2^bits over a tree of proofs, listed as split, below, above.
function bound(p, more, objective, bits, proof) {
  const box = p.columns.map(c => [c.lower, c.upper]);
  if (!proof.tree) return leaf(p, more, objective, bits, proof.prices ?? [], box);
  if (proof.prices || proof.tree.length > maxProofs) refuse('a proof of prices and a tree, or too large a tree');
  let at = 0;
  const node = depth => {
    const n = proof.tree[at++];
    if (!n || depth > maxDepth) refuse('a tree that ends too early or is too deep');
    if (!n.split) return leaf(p, more, objective, bits, n.prices ?? [], box);
    const {column: j, at: k} = n.split;
    if (n.prices || !box[j] || k < box[j][0] || k >= box[j][1]) refuse('a split outside its column');
    const [low, high] = box[j];
    box[j] = [low, k];
    const below = node(depth + 1);
    box[j] = [k + 1n, high];
    const above = node(depth + 1);
    box[j] = [low, high];
    return above > below ? above : below;
  };
  const u = node(0);
  if (at !== proof.tree.length) refuse('a tree with more proofs than it needs');
  return u;
}

// leaf is U(Y): no plan in the box has a larger objective, times 2^bits.
function leaf(p, more, objective, bits, prices, box) {
  if (prices.length !== p.rows.length + more.length) refuse(`${prices.length} prices for ${p.rows.length} rows and ${more.length} floors and cuts`);
  const reduced = objective.map(c => c << bits);
  let u = 0n;
  const end = (r, y, name) => (y < 0n ? r.lower : r.upper) ?? refuse(`${name} has a price towards a bound that it does not have`);
  p.rows.forEach((r, i) => {
    const y = prices[i];
    if (y === 0n) return;
    u += y * end(r, y, `row ${r.id}`);
    for (const t of r.terms) reduced[t.column] -= t.coeff * y;
  });
  more.forEach((r, i) => {
    const y = prices[p.rows.length + i];
    if (y === 0n) return;
    u += y * end(r, y, 'a floor or cut');
    // A cut's sum is at most 0 and no unit is below 0: it stays so with y·coefficient rounded down.
    r.columns.forEach((j, k) => { reduced[j] -= r.cut ? r.coeffs[k] * y >> cutBits : r.coeffs[k] * y; });
  });
  reduced.forEach((d, j) => { u += d * box[j][d < 0n ? 0 : 1]; });
  return u;
}

// check wants one proof for each stage and level and one for evenness, exactly the stated
// values, bounds and gaps, and no gap above what is allowed.
export function check(p, units, certificate, maxGap) {
  checkShape(p);
  if (units.length !== p.columns.length) refuse(`${units.length} units for ${p.columns.length} columns`);
  const c = new Checker(p, units);
  feasible(p, units, c.totals);
  for (const proof of certificate.stages) {
    const aim = c.next(proof);
    const bounded = c.prove(aim, proof);
    for (const [name, stated, computed] of [
      ['value', proof.value, aim.value], ['bound', proof.bound, bounded], ['gap', proof.gap, subtract(bounded, aim.value)],
    ]) if (compare(stated, computed) !== 0) refuse(`the ${name} of ${proof.stage} is not what units and prices give`);
    c.judge(aim, aim.value, bounded, maxGap);
    c.keep(aim, aim.value, bounded);
  }
  if (!c.done) refuse('a proof is missing');
}

// shares sums the units by party, in the order of the needs.
export function shares(p, units) {
  const sums = new Map(p.needs.map(n => [n.party, 0n]));
  p.columns.forEach((c, j) => {
    if (c.party === undefined) return;
    const sum = sums.get(c.party) + units[j];
    if (BigInt.asIntN(64, sum) !== sum) refuse(`the share of ${c.party} overflows`);
    sums.set(c.party, sum);
  });
  return [...sums].map(([party, amount]) => ({party, amount}));
}
