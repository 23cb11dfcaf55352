"""How the page looks: the colours of a light and a dark screen, and of paper."""

STYLE = """
:root { color-scheme: light dark;
  --paper: #fff; --ink: #1d2127; --soft: #626b76; --line: #dfe3e8; --wash: #f5f6f8;
  --before: #39424e; --after: #7fa9d8; --lost: #cc3d2f; --new: #2b8a4b; --bad-wash: #fbeeec; --good-wash: #edf6ef }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14171b; --ink: #e6e9ed; --soft: #98a2ae; --line: #313841; --wash: #1c2026;
  --before: #e6e9ed; --after: #4f82bd; --lost: #f07b6c; --new: #62c384; --bad-wash: #33211f; --good-wash: #1b2b20 } }
@media print { :root { color-scheme: light; --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --wash: #fff;
  --before: #222; --after: #9db9d9; --lost: #b02a1e; --new: #1f6f3a; --bad-wash: #fff; --good-wash: #fff }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact }
  figure, tr, h2, h3 { break-inside: avoid } h2, h3 { break-after: avoid } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem }
header { padding: .25rem 1.25rem; border-left: 6px solid; background: var(--wash) }
header.passes { border-color: var(--new); background: var(--good-wash) }
header.fails { border-color: var(--lost); background: var(--bad-wash) }
h1 { font-size: 1.5rem; margin: .5rem 0 } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem }
p { margin: .5rem 0; overflow-wrap: anywhere } .note { color: var(--lost) } .why, figcaption { color: var(--soft) }
table { border-collapse: collapse; margin: .5rem 0 } td table, td p { margin: 0 }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line) }
th { font-weight: 600 } thead th { color: var(--soft); font-weight: 500 } th[scope=row] { color: var(--soft);
  font-weight: 500; white-space: nowrap } td { font-variant-numeric: tabular-nums }
td table td, td table th { padding: .1rem .8rem .1rem 0; border: 0 } .why { font-size: .85rem }
span.passes { color: var(--new); font-weight: 600 } span.fails { color: var(--lost); font-weight: 600 }
span.passes, span.fails { white-space: nowrap } .value { overflow-wrap: anywhere }
code { font-size: .8rem; color: var(--soft); white-space: nowrap }
.limits td:nth-child(3) { white-space: nowrap } .limits .why { display: block } .scroll { overflow-x: auto }
.charts { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start }
figure { margin: .5rem 0 } figcaption { font-size: .85rem } .charts figure { max-width: 30rem }
svg { max-width: 100%; height: auto; display: block }
.tile { margin: 1rem 0 } .tile div { display: grid; grid-template-columns: repeat(4, 1fr); gap: 6px }
.tile img { width: 100%; image-rendering: pixelated; display: block }
.axis, .grid, .threshold { fill: none; stroke: var(--line) } .axis { stroke: var(--soft) }
.threshold { stroke: var(--soft); stroke-dasharray: 4 3 } .lost-area { fill: var(--lost); opacity: .07 }
.tick { fill: var(--soft); font-size: 11px } .label { fill: var(--ink); font-size: 12px;
  paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round }
circle { fill: var(--after); fill-opacity: .65; stroke: var(--paper); stroke-width: .5 }
circle.missed { fill: var(--soft); fill-opacity: .4 } circle.lost { fill: var(--lost); fill-opacity: 1 }
circle.new { fill: var(--new); fill-opacity: 1 }
path.after { fill: var(--after) } path.before { fill: none; stroke: var(--before); stroke-width: 1.5 }
"""
