"""How the page looks: the colours of a light and a dark screen, and of paper."""

STYLE = """
:root { color-scheme: light dark;
  --paper: #fff; --ink: #1d2127; --soft: #626b76; --line: #dfe3e8; --wash: #f5f6f8; --note: #b3352a;
  --cloth: #f3efe6; --local: #c2410c; --warp: #1d4ed8; --weft: #7e22ce; --area: #0f766e; --bar: #8b949e;
  --care: #a16207 }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14171b; --ink: #e6e9ed; --soft: #98a2ae; --line: #313841; --wash: #1c2026; --note: #f07b6c;
  --cloth: #23272d; --local: #fb923c; --warp: #7aa7ff; --weft: #c99bff; --area: #4fd1b5; --bar: #6b7480;
  --care: #eab308 } }
@media print { :root { color-scheme: light;
  --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --wash: #fff; --note: #9c1c12;
  --cloth: #faf8f2; --local: #c2410c; --warp: #1d4ed8; --weft: #7e22ce; --area: #0f766e; --bar: #777;
  --care: #a16207 }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact } @page { margin: 14mm }
  main { padding: 0 !important } figure, tr, h2 { break-inside: avoid } h2 { break-after: avoid }
  html { font-size: 11px } body { font-size: 1rem !important } .map svg { max-height: 125mm; width: auto } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
main { max-width: 64rem; margin: 0 auto; padding: 1.5rem }
h1 { font-size: 1.6rem; margin: 0 0 .5rem } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem }
h3 { font-size: .85rem; font-weight: 500; color: var(--soft); margin: 0 }
p { margin: .3rem 0; overflow-wrap: anywhere } .note { color: var(--note); font-weight: 600 }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .4rem 1.5rem; margin: .5rem 0 }
dt { color: var(--soft); font-size: .8rem } dd { margin: 0; overflow-wrap: anywhere }
.tiles { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; margin: 1.2rem 0 }
.tiles div { background: var(--wash); border: 1px solid var(--line); border-radius: 6px; padding: .7rem 1rem }
.tiles strong { font-size: 1.35rem } .tiles p { color: var(--soft); font-size: .9rem }
.side { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 0 2rem; align-items: start }
table { border-collapse: collapse; margin: .3rem 0; font-size: .87rem } .scroll { overflow-x: auto }
th, td { text-align: left; vertical-align: top; padding: .2rem .9rem .2rem 0; border-bottom: 1px solid var(--line) }
th { color: var(--soft); font-weight: 500; white-space: nowrap } td { font-variant-numeric: tabular-nums }
tr:target td { background: var(--wash); font-weight: 600 }
figure { margin: .5rem 0 } figcaption { font-size: .85rem; color: var(--soft) }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem } .key span { display: flex; gap: .35rem; align-items: center }
.key i { width: 14px; height: 14px; border: 1px solid var(--soft) }
.key i.blind { background: repeating-linear-gradient(45deg, var(--soft) 0 1.5px, transparent 1.5px 5px) }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .8rem }
.pictures figure { margin: 0 } .pictures a { display: flex; height: 8.5rem; background: var(--wash);
  justify-content: center; align-items: center } .pictures img { max-width: 100%; max-height: 100% }
svg { max-width: 100%; height: auto; display: block }
.cloth { fill: var(--cloth); stroke: var(--soft); stroke-width: .7 } .grid { stroke: var(--line) }
.tick { fill: var(--soft); font-size: 11px } .broken { fill: var(--note); font-size: 11px; font-weight: 600;
  paint-order: stroke; stroke: var(--cloth); stroke-width: 3px }
.number { fill: var(--ink); font-size: 10px; paint-order: stroke; stroke: var(--cloth); stroke-width: 2px }
.bar { fill: var(--bar) } .care { fill: var(--care) } .still { stroke: var(--care); stroke-dasharray: 1 3 }
.tie { stroke: var(--ink) } .care-name, .tie-name { fill: var(--care); font-size: 10px; font-weight: 600;
  paint-order: stroke; stroke: var(--cloth); stroke-width: 2px } .tie-name { fill: var(--ink) }
.blind { fill: url(#hatch); stroke: var(--soft); stroke-width: .5 } .bare { fill: var(--paper); stroke: var(--soft);
  stroke-dasharray: 3 3 } .break { stroke: var(--note); stroke-width: 1.5; stroke-dasharray: 6 3 }
.hatch { stroke: var(--soft); stroke-width: 2 } .hatch-ground { fill: var(--paper) }
.local { fill: var(--local) } .warp { fill: var(--warp) } .weft { fill: var(--weft) }
.area { fill: var(--area); fill-opacity: .35; stroke: var(--area) }
"""
