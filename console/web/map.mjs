// Draws the world once, for the server to colour: shapes of Natural Earth 1:110m in the
// Equal Earth projection, and a dot for every place that is missing there or too small
// to be hit. The 1:110m file leaves out most small island states; the 1:10m file has them.
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {geoArea, geoCentroid, geoEqualEarth, geoPath} from 'd3-geo';
import {feature} from 'topojson-client';

const width = 1000; // Units of the drawing; lengths are rounded to whole units.
const smallest = 60; // Square units: below, a shape gets a dot as well.
const antarctica = '010';
const require = createRequire(import.meta.url);

const read = scale => {
  const topology = JSON.parse(readFileSync(require.resolve(`world-atlas/countries-${scale}.json`)));
  return feature(topology, topology.objects.countries).features.filter(f => f.geometry && f.id !== antarctica);
};

export function drawMap() {
  const letters = new Map(require('i18n-iso-countries/codes.json').map(([two, , number]) => [number, two]));
  const coarse = read('110m');
  const known = new Set(coarse.map(f => f.id));
  const projection = geoEqualEarth().fitWidth(width, {type: 'FeatureCollection', features: coarse});
  const path = geoPath(projection).digits(2);
  const [[, top], [, bottom]] = path.bounds({type: 'FeatureCollection', features: coarse});
  const places = coarse.map(f => {
    const place = {d: relative(path(f), top)};
    if (letters.has(f.id)) place.id = letters.get(f.id);
    if (path.area(f) < smallest) place.at = dot(projection, f, top);
    return place;
  });
  for (const f of [...read('50m'), ...read('10m')]) {
    if (!letters.has(f.id) || known.has(f.id)) continue;
    known.add(f.id);
    places.push({id: letters.get(f.id), at: dot(projection, f, top)});
  }
  places.sort((a, b) => (a.id ?? '~').localeCompare(b.id ?? '~', 'en'));
  return {width, height: Math.ceil(bottom - top), places};
}

// dot stands at the middle of a place's largest part.
function dot(projection, f, top) {
  const parts = f.geometry.type === 'MultiPolygon' ? f.geometry.coordinates.map(c => ({type: 'Polygon', coordinates: c})) : [f.geometry];
  const largest = parts.reduce((a, b) => (geoArea(b) > geoArea(a) ? b : a));
  const [x, y] = projection(geoCentroid(largest));
  return [Math.round(x), Math.round(y - top)];
}

// relative writes a path of d3-geo, "M1,2L3,4Z...", in halves of a unit and relative
// steps: a third of the bytes. Parts that shrink to nothing are left out.
function relative(d, top) {
  let out = '', atX = 0, atY = 0;
  for (const ring of d.split('Z').filter(Boolean)) {
    const points = [];
    for (const pair of ring.slice(1).split('L')) {
      const [x, y] = pair.split(',').map(Number);
      const point = [Math.round(2 * x), Math.round(2 * (y - top))];
      const last = points.at(-1);
      if (!last || last[0] !== point[0] || last[1] !== point[1]) points.push(point);
    }
    if (points.length < 4) continue;
    const [[startX, startY]] = points;
    out += `m${join(startX - atX, startY - atY)}l`;
    atX = startX; atY = startY;
    let steps = '';
    for (const [x, y] of points.slice(1, -1)) {
      const step = join(x - atX, y - atY);
      steps += steps && !step.startsWith('-') ? ` ${step}` : step;
      atX = x; atY = y;
    }
    out += `${steps}z`;
    atX = startX; atY = startY;
  }
  return out;
}

const join = (x, y) => `${x}${y < 0 ? '' : ' '}${y}`;
