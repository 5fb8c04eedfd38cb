'use strict';
const $ = (tag, props, ...kids) => { const e = Object.assign(document.createElement(tag), props); e.append(...kids); return e; };
const all = (css, root = document) => [...root.querySelectorAll(css)];
const NS = 'http://www.w3.org/2000/svg';
const data = JSON.parse(document.getElementById('charts-data').textContent);

function chart(figure) {
  const { series, stops } = data[figure.id], svg = figure.querySelector('svg'), out = figure.querySelector('.read');
  if (!stops.length) return;
  const box = svg.viewBox.baseVal, cross = document.createElementNS(NS, 'path');
  cross.setAttribute('class', 'cross');
  svg.append(cross);
  const range = $('input', { type: 'range', min: 0, max: stops.length - 1, value: stops.length - 1 });
  range.setAttribute('aria-label', 'Read values: ' + figure.querySelector('h3').textContent);
  function show(i) {
    const [x, y, head, rows] = stops[i];
    cross.setAttribute('d', y === null ? `M${x} 8V${box.height - 42}` : `M${x - 9} ${y}a9 9 0 1 0 18 0a9 9 0 1 0 -18 0`);
    const list = $('ul');
    for (const [k, text] of rows) list.append($('li', {}, $('span', { className: 'sw s' + series[k][1] % 4 + (series[k][1] > 3 ? ' o' : '') }), series[k][0] + ' ' + text));
    out.replaceChildren($('b', { textContent: head }), list);
    range.value = i;
    range.setAttribute('aria-valuetext', head + ': ' + rows.map(([k, text]) => series[k][0] + ' ' + text).join(', '));
  }
  range.addEventListener('input', () => show(+range.value));
  svg.addEventListener('pointermove', event => {
    const r = svg.getBoundingClientRect(), s = box.width / r.width;
    const px = (event.clientX - r.left) * s, py = (event.clientY - r.top) * s;
    const weight = figure.id === 'time-breakdown' ? 0 : 1;
    const away = stops.map(([x, y]) => y === null ? Math.abs(x - px) : Math.hypot((x - px) * weight, y - py));
    show(away.indexOf(Math.min(...away)));
  });
  svg.after(range);
  range.setAttribute('aria-valuetext', out.innerText);
}

function sortable(table) {
  const body = table.tBodies[0], heads = all('thead th', table), say = $('span', { role: 'status' });
  const text = row => row.textContent.toLowerCase();
  heads.forEach((head, column) => {
    const button = $('button', { type: 'button' }, ...head.childNodes);
    head.append(button);
    head.setAttribute('aria-sort', 'none');
    button.addEventListener('click', () => {
      const down = head.getAttribute('aria-sort') !== 'descending';
      heads.forEach(h => h.setAttribute('aria-sort', 'none'));
      head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      const value = row => row.cells[column].dataset.v;
      const missing = row => column > 0 && value(row) === undefined;
      [...body.rows].sort((a, b) => missing(a) - missing(b) || (down ? -1 : 1) *
        (column ? value(a) - value(b) : text(a).localeCompare(text(b)))).forEach(row => body.append(row));
    });
  });
  const search = $('input', { type: 'search' });
  const count = () => { say.textContent = `${[...body.rows].filter(r => !r.hidden).length} of ${body.rows.length} rows`; };
  search.addEventListener('input', () => {
    const words = search.value.toLowerCase().split(/\s+/);
    for (const row of body.rows) row.hidden = !words.every(w => text(row).includes(w));
    count();
  });
  count();
  if (body.rows.length > 6) table.parentElement.before($('div', { className: 'tools' }, $('label', {}, 'Show rows with ', search), say));
}

function pairs(root) {
  const items = all('.pair', root), names = JSON.parse(root.dataset.names);
  if (names.length < 3) return;
  const pick = label => { const s = $('select'); s.setAttribute('aria-label', label); names.forEach((n, i) => s.append($('option', { value: i, textContent: n }))); return s; };
  const a = pick('Compare'), b = pick('with');
  const show = () => items.forEach(p => p.classList.toggle('off', !(
    (p.dataset.a === a.value && p.dataset.b === b.value) || (p.dataset.a === b.value && p.dataset.b === a.value))));
  function read() {
    const target = document.getElementById(location.hash.slice(1)), wanted = new URLSearchParams(location.hash.slice(1));
    if (target && target.matches('.pair')) { a.value = target.dataset.a; b.value = target.dataset.b; }
    else if (wanted.has('a') && wanted.has('b')) { a.value = wanted.get('a'); b.value = wanted.get('b'); }
    show();
    if (wanted.has('a')) root.closest('details').open = true;
    if (target && target.matches('.pair')) target.scrollIntoView();
  }
  for (const s of [a, b]) s.addEventListener('change', () => {
    if (a.value === b.value) (s === a ? b : a).value = (+s.value + 1) % names.length;
    history.replaceState(null, '', `#a=${a.value}&b=${b.value}`);
    show();
  });
  b.value = 1;
  root.prepend($('div', { className: 'tools' }, $('label', {}, 'Compare ', a), $('label', {}, ' with ', b)));
  addEventListener('hashchange', read);
  read();
}

function hint(box) {
  const text = $('p', { className: 'hint', textContent: 'Scroll sideways to see more →' });
  const look = () => {
    text.hidden = box.scrollWidth <= box.clientWidth + 1;
    box.classList.toggle('more', box.scrollWidth - box.clientWidth - box.scrollLeft > 1);
  };
  box.before(text);
  box.addEventListener('scroll', look);
  new ResizeObserver(look).observe(box);
}

function reveal() {
  for (let e = document.getElementById(location.hash.slice(1)); e; e = e.parentElement) if (e.matches('details')) e.open = true;
}

addEventListener('hashchange', reveal);
reveal();
all('figure.chart').forEach(chart);
all('table.sortable').forEach(sortable);
all('.scroll').forEach(hint);
all('[data-names]').forEach(pairs);
let folded = [];
addEventListener('beforeprint', () => { folded = all('details:not([open])'); folded.forEach(d => { d.open = true; }); });
addEventListener('afterprint', () => folded.forEach(d => { d.open = false; }));
