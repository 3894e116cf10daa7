/* The table of files: all rows, with search, filters, sorting and pages. Without this program the page shows the first of them. */
(function () {
  'use strict';
  /* On paper nothing can be unfolded: all is, but for the processes, of which there may be thousands. */
  window.addEventListener('beforeprint', function () {
    Array.prototype.forEach.call(document.querySelectorAll('details:not([open])'), function (part) {
      if (!part.closest('ul.tree')) part.open = true;
    });
  });
  var source = document.getElementById('data');
  if (!source) return;
  var data = JSON.parse(source.textContent);
  source.textContent = '';
  /* A row: process, class, directory, name, read bytes, reads, opens, mapped bytes, written bytes, ways, notes, first (ms), refusals */
  var P = 0, C = 1, D = 2, N = 3, R = 4, M = 7, W = 8, H = 9, X = 10, F = 11, E = 12, SIZE = 100;
  var rows = data.rows, dirs = data.dirs, shown = rows, page = 0, sort = null, down = true;
  var $ = function (id) { return document.getElementById(id); };
  var search = $('search'), byClass = $('by-class'), byProcess = $('by-process'), body = $('rows'), status = $('status');
  function path(row) { return dirs[row[D]] + row[N]; }
  function size(n) {
    var units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'], i = 0;
    while (n >= 1023.95 && i < 6) { n /= 1024; i++; }
    return i ? n.toFixed(1) + ' ' + units[i] : n + ' B';
  }
  function option(select, value, label) {
    var o = document.createElement('option');
    o.value = value;
    o.textContent = label;
    select.appendChild(o);
  }
  function cell(tr, text, kind, label) {
    var td = document.createElement('td');
    if (kind) td.className = kind;
    if (label) td.dataset.label = label;
    td.textContent = text;
    tr.appendChild(td);
  }
  function ways(bits) { return data.ways.filter(function (_, i) { return bits & 1 << i; }).join(', '); }
  function time(ms) { return ms === null ? '' : new Date(data.start + ms).toISOString().slice(11, 23); }
  function draw() {
    var part = shown.slice(page * SIZE, (page + 1) * SIZE), last = Math.max(0, Math.ceil(shown.length / SIZE) - 1), fresh = document.createDocumentFragment();
    part.forEach(function (row) {
      var tr = document.createElement('tr');
      cell(tr, path(row) + (row[X] & 1 ? ' (deleted)' : '') + (row[X] & 2 ? ' (truncated)' : '') + (row[X] & 4 ? ' (directory)' : ''), 'path');
      cell(tr, data.classes[row[C]]);
      cell(tr, data.processes[row[P]]);
      cell(tr, row[E] ? 'refused ' + row[E] + (row[E] === 1 ? ' time' : ' times') : row[R] || !row[M] ? size(row[R]) : 'mapped', 'n', 'read');
      cell(tr, row[5], 'n', 'reads');
      cell(tr, row[6], 'n', 'opens');
      cell(tr, row[M] ? size(row[M]) : '', 'n', 'mapped');
      cell(tr, row[W] ? size(row[W]) : '', 'n', 'written');
      cell(tr, ways(row[H]));
      cell(tr, time(row[F]), 'n');
      fresh.appendChild(tr);
    });
    body.textContent = '';
    body.appendChild(fresh);
    status.textContent = shown.length === rows.length ? rows.length + ' rows' : shown.length + ' of ' + rows.length + ' rows';
    $('where').textContent = 'page ' + (page + 1) + ' of ' + (last + 1);
    $('first').disabled = $('back').disabled = page === 0;
    $('next').disabled = $('last').disabled = page === last;
  }
  var keys = {
    path: path, class: function (r) { return r[C]; }, process: function (r) { return r[P]; }, read: function (r) { return r[R]; }, reads: function (r) { return r[5]; },
    opens: function (r) { return r[6]; }, mapped: function (r) { return r[M]; }, written: function (r) { return r[W]; }, first: function (r) { return r[F] === null ? -1 : r[F]; }
  };
  function apply() {
    var words = search.value.toLowerCase(), c = byClass.value, p = byProcess.value;
    shown = rows.filter(function (row) {
      return (c === '' || row[C] === +c) && (p === '' || row[P] === +p) && (!words || path(row).toLowerCase().indexOf(words) >= 0);
    });
    if (sort) {
      var key = keys[sort], sign = down ? -1 : 1;
      shown.sort(function (a, b) { var x = key(a), y = key(b); return x < y ? -sign : x > y ? sign : 0; });
    }
    page = 0;
    draw();
  }
  var later = 0;
  search.addEventListener('input', function () { clearTimeout(later); later = setTimeout(apply, 150); });
  byClass.addEventListener('change', apply);
  byProcess.addEventListener('change', apply);
  $('filter').addEventListener('submit', function (event) { event.preventDefault(); apply(); });
  Array.prototype.forEach.call(document.querySelectorAll('#files th[data-key]'), function (th) {
    var button = document.createElement('button');
    button.type = 'button';
    button.textContent = th.textContent;
    th.textContent = '';
    th.appendChild(button);
    button.addEventListener('click', function () {
      down = sort === th.dataset.key ? !down : th.className === 'n';
      sort = th.dataset.key;
      Array.prototype.forEach.call(document.querySelectorAll('#files th'), function (other) { other.removeAttribute('aria-sort'); });
      th.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      apply();
    });
  });
  $('first').addEventListener('click', function () { page = 0; draw(); });
  $('back').addEventListener('click', function () { page--; draw(); });
  $('next').addEventListener('click', function () { page++; draw(); });
  $('last').addEventListener('click', function () { page = Math.ceil(shown.length / SIZE) - 1; draw(); });
  var used = {};
  rows.forEach(function (row) { used[row[C]] = (used[row[C]] || 0) + 1; });
  data.classes.forEach(function (name, i) { if (used[i]) option(byClass, i, name + ' (' + used[i] + ')'); });
  data.processes.forEach(function (name, i) { option(byProcess, i, name); });
  Array.prototype.forEach.call(document.querySelectorAll('.js'), function (part) { part.hidden = false; });
  $('nojs').hidden = true;
  draw();
}());
