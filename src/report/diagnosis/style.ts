/** The style of the page: one column of text, pictures side by side where there is room; dark, phone and print. */
export const STYLE = `
:root{--paper:#fff;--card:#f6f8fa;--line:#dfe4e8;--ink:#1c2329;--muted:#55606a;--axis:#444d55;--grid:#e2e6ea;--blue:#0072b2;--vermilion:#c75000;
--good:#0b6b52;--good-paper:#e8f5f0;--half:#855800;--half-paper:#fdf3dd;--bad:#a52422;--bad-paper:#fcecea;
--font:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
@media screen and (prefers-color-scheme:dark){:root{--paper:#14181c;--card:#1c2227;--line:#323b43;--ink:#e7ecef;--muted:#a3afb9;--axis:#8b97a1;--grid:#2a3239;--blue:#5ab4ea;--vermilion:#f0914a;
--good:#6fd6b3;--good-paper:#12302a;--half:#efbd58;--half-paper:#332914;--bad:#ff9d94;--bad-paper:#3a1d1c}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 var(--font);overflow-wrap:break-word}
main{max-width:60rem;margin:0 auto;padding:2.5rem 1.5rem 3rem}
header .kind{margin:0 0 .25rem;color:var(--muted);font-size:.875rem;letter-spacing:.04em}
h1{margin:0;font-size:1.75rem;line-height:1.25;font-weight:650;letter-spacing:-.01em}
h2{margin:3rem 0 .75rem;padding-top:1.25rem;border-top:1px solid var(--line);font-size:1.25rem;line-height:1.3;font-weight:650}
p{margin:0 0 1rem;max-width:44rem}
header .data{margin:.5rem 0 0;color:var(--muted)}
ul{margin:0 0 1rem;padding-left:1.25rem;max-width:44rem}
li+li{margin-top:.35rem}
sub{font-size:.72em;line-height:0}
.verdict{margin:1.75rem 0 0;padding:1.25rem 1.5rem 1.4rem;border-radius:10px;border:1px solid;border-left-width:6px}
.verdict h2{margin:0;padding:0;border:0;font-size:1.375rem}
.verdict p{margin:.4rem 0 0;color:var(--ink)}
.verdict.describes{background:var(--good-paper);border-color:var(--good)}.verdict.describes h2{color:var(--good)}
.verdict.initialization-only{background:var(--half-paper);border-color:var(--half)}.verdict.initialization-only h2{color:var(--half)}
.verdict.does-not{background:var(--bad-paper);border-color:var(--bad)}.verdict.does-not h2{color:var(--bad)}
.criteria{display:grid;grid-template-columns:repeat(3,1fr);gap:1rem;margin:1rem 0 0;padding:0;list-style:none;max-width:none}
.criteria li{margin:0;padding:1rem 1.1rem 1.05rem;border:1px solid var(--line);border-radius:10px;background:var(--card)}
.criteria .name{display:block;font-size:.875rem;color:var(--muted)}
.criteria .value{display:block;font-size:1.85rem;line-height:1.25;font-weight:650;font-variant-numeric:tabular-nums}
.criteria .status{display:block;font-size:.875rem;font-weight:600}
.criteria .holds{color:var(--good)}.criteria .fails{color:var(--bad)}
.criteria .reason{display:block;margin-top:.5rem;font-size:.875rem;line-height:1.5}
.figures{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:1.5rem 2rem;margin:1.5rem 0;align-items:start}
figure{margin:0;min-width:0}
figure svg{display:block;width:100%;height:auto}
svg text{font-family:var(--font)}
figcaption{margin-top:.4rem;color:var(--muted);font-size:.875rem;line-height:1.5}
.scroll{overflow-x:auto;margin:1.25rem 0}
table{border-collapse:collapse;width:100%;font-size:.9375rem;font-variant-numeric:tabular-nums}
caption{padding-bottom:.4rem;text-align:left;color:var(--muted);font-size:.875rem}
th,td{padding:.45rem .75rem .45rem 0;border-top:1px solid var(--line);text-align:left;vertical-align:top;font-weight:400}
tr>:last-child{padding-right:0}
.facts th{width:38%;color:var(--muted)}
.numbers thead th{border-top:0;color:var(--muted);font-size:.875rem;vertical-align:bottom}
.numbers td,.numbers thead th:not(:first-child){text-align:right}
.note{margin-top:1rem;padding:.8rem 1rem;border:1px solid var(--half);border-left-width:4px;border-radius:8px;background:var(--half-paper);max-width:none}
.note ul{margin:0}
footer{margin-top:3rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--muted);font-size:.875rem}
:focus-visible{outline:2px solid var(--blue);outline-offset:2px}
@media (max-width:45rem){main{padding:1.5rem 1rem 2rem}h1{font-size:1.4rem}.figures,.criteria{grid-template-columns:minmax(0,1fr)}
.verdict{padding:1rem 1.1rem}.facts th{width:42%}.numbers{font-size:.875rem}.numbers th,.numbers td{padding-right:.5rem}}
@media print{@page{margin:14mm}body{font-size:10.5pt;line-height:1.45}main{max-width:none;padding:0}h2{margin-top:1.5rem;break-after:avoid}
figure,.criteria li,.verdict,tr,.note{break-inside:avoid}.scroll{overflow:visible}.verdict,.criteria li,.note{-webkit-print-color-adjust:exact;print-color-adjust:exact}
.figures{gap:1rem 1.5rem}a{color:inherit}}
`.trim();
