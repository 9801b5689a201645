// The search over all rows. Without it the page has the same rows, in folds.
'use strict';
(function () {
    const root = document.documentElement;
    const rows = Array.from(document.querySelectorAll('.rows tr[data-v]'));
    const text = rows.map(row => row.textContent.toLowerCase());
    const families = Array.from(document.querySelectorAll('details.family'));
    const input = document.querySelector('.search input');
    const buttons = Array.from(document.querySelectorAll('.search button'));
    const output = document.querySelector('.search output');
    let kind = '';

    function show() {
        const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
        const all = !words.length && !kind;
        let hits = 0;

        rows.forEach(function (row, i) {
            const hit = (!kind || row.dataset.v.split(' ').includes(kind)) &&
                words.every(word => text[i].includes(word));
            row.hidden = !hit;
            hits += hit;
        });
        for (const family of families) {
            const some = all || family.querySelector('tr[data-v]:not([hidden])') !== null;
            family.hidden = !some;
            family.open = !all && some;
        }
        for (const button of buttons)
            button.setAttribute('aria-pressed', String(button.dataset.v === kind));
        output.value = hits.toLocaleString('en') + ' of ' + rows.length.toLocaleString('en') + ' rows';
        history.replaceState(null, '', all ? location.pathname : '#' + new URLSearchParams({q: input.value, v: kind}));
    }

    function restore() {
        const wish = new URLSearchParams(location.hash.slice(1));
        input.value = wish.get('q') || '';
        kind = wish.get('v') || '';
    }

    if (input) {
        restore();
        input.addEventListener('input', show);
        for (const button of buttons)
            button.addEventListener('click', function () { kind = button.dataset.v; show(); });
        root.dataset.ready = 'yes';
        show();
    }
})();
