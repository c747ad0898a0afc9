// Makes a page that is already complete a little livelier: the status line follows the
// training, and the arrow keys walk the map. Without it nothing is missing.

const status = document.getElementById('status');
const pause = 3000; // Milliseconds between two looks.

async function follow() {
  try {
    const answer = await fetch(`/status?lang=${document.documentElement.lang}`);
    if (answer.ok) {
      const line = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById('status');
      if (line && line.innerHTML !== status.innerHTML) status.innerHTML = line.innerHTML;
    }
  } catch { /* The server is gone; the line keeps its age in words. */ }
  setTimeout(follow, pause);
}
if (status) setTimeout(follow, pause);

// An arrow key moves the focus to the nearest place in its direction.
const map = document.getElementById('map');
const directions = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
const middle = e => { const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; };
map?.addEventListener('keydown', e => {
  const toward = directions[e.key], from = e.target.closest('a');
  if (!toward || !from) return;
  e.preventDefault();
  const [x, y] = middle(from);
  let best, nearest = Infinity;
  for (const a of map.querySelectorAll('a')) {
    const [u, v] = middle(a).map((n, i) => n - [x, y][i]);
    const along = u * toward[0] + v * toward[1], aside = Math.abs(u * toward[1]) + Math.abs(v * toward[0]);
    if (a !== from && along > 0 && aside <= 2 * along && along + 2 * aside < nearest) [best, nearest] = [a, along + 2 * aside];
  }
  best?.focus();
});

// The slider is answered while it moves: the newest position asked for wins.
const slider = document.getElementById('supply');
let asked = 0;
slider?.addEventListener('input', () => { slider.form.querySelector('output').textContent = `${slider.value}\u00a0%`; });
slider?.addEventListener('change', async () => {
  const turn = ++asked, query = new URLSearchParams(new FormData(slider.form));
  const answer = document.getElementById('whatif-answer');
  answer.setAttribute('aria-busy', 'true');
  try {
    const got = await fetch(`/what-if?${query}`);
    const next = new DOMParser().parseFromString(await got.text(), 'text/html').getElementById('whatif-answer');
    if (turn !== asked) return;
    if (got.ok && next) {
      answer.innerHTML = next.innerHTML;
      history.replaceState(null, '', `?${query}#whatif`);
    }
  } catch { /* The server is gone; the last answer stays. */ }
  answer.removeAttribute('aria-busy');
});
