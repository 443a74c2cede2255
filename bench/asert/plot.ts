/** Draws block spacings as SVG: one panel a scenario, logarithmic, with the band of a factor 2. */

export interface Panel {
  readonly title: string;
  readonly note: string;
  /** Spacing over height: the middle of all runs, the least and the most. */
  readonly points: readonly {
    readonly height: number;
    readonly middle: number;
    readonly least: number;
    readonly most: number;
  }[];
}

const WIDTH = 480;
const HEIGHT = 220;
const LEFT = 52;
const TOP = 34;
const RIGHT = 12;
const BOTTOM = 28;
const COLUMNS = 2;
const LEAST = 0.01;
const MOST = 1000;
const TICKS = [0.01, 0.1, 1, 10, 100, 1000];

const round = (value: number): string => value.toFixed(1);

function scales(heightMax: number) {
  const y = (seconds: number): number => {
    const kept = Math.min(Math.max(seconds, LEAST), MOST);
    const part = Math.log(kept / LEAST) / Math.log(MOST / LEAST);
    return HEIGHT - BOTTOM - part * (HEIGHT - BOTTOM - TOP);
  };
  const x = (height: number): number => LEFT + (height / heightMax) * (WIDTH - LEFT - RIGHT);
  return { x, y };
}

function drawPanel(panel: Panel, spacing: number, at: { x: number; y: number }): string {
  const heightMax = panel.points.at(-1)?.height ?? 1;
  const { x, y } = scales(heightMax);
  const path = (of: (point: Panel['points'][number]) => number): string =>
    panel.points.map((point) => `${round(x(point.height))},${round(y(of(point)))}`).join(' ');
  const upper = path(({ most }) => most);
  const lower = path(({ least }) => least)
    .split(' ')
    .reverse()
    .join(' ');
  const bandTop = y(spacing * 2);
  const grid = TICKS.map(
    (tick) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(y(tick))}" y2="${round(y(tick))}" ` +
      `class="grid"/><text x="${LEFT - 6}" y="${round(y(tick) + 3)}" class="tick" ` +
      `text-anchor="end">${tick} s</text>`,
  ).join('');
  const marks = [0, 500, 1000, 1500, 2000, 2500, 3000]
    .filter((height) => height <= heightMax)
    .map(
      (height) =>
        `<text x="${round(x(height))}" y="${HEIGHT - 10}" class="tick" ` +
        `text-anchor="middle">${height}</text>`,
    )
    .join('');
  return (
    `<g transform="translate(${at.x},${at.y})">` +
    `<text x="${LEFT}" y="14" class="title">${panel.title}</text>` +
    `<text x="${LEFT}" y="27" class="tick">${panel.note}</text>` +
    `<rect x="${LEFT}" y="${round(bandTop)}" width="${WIDTH - LEFT - RIGHT}" ` +
    `height="${round(y(spacing / 2) - bandTop)}" class="band"/>${grid}${marks}` +
    `<polygon points="${upper} ${lower}" class="range"/>` +
    `<polyline points="${path(({ middle }) => middle)}" class="line"/></g>`
  );
}

const STYLE =
  'text{font-family:sans-serif;fill:#222}.title{font-size:12px;font-weight:bold}' +
  '.tick{font-size:9px;fill:#555}.grid{stroke:#ddd;stroke-width:.5}' +
  '.band{fill:#cfe8cf}.range{fill:#4477aa;fill-opacity:.25}' +
  '.line{fill:none;stroke:#225588;stroke-width:1.2}';

/** `spacing`: seconds that a block should take. */
export function drawPlot(heading: string, panels: readonly Panel[], spacing: number): string {
  const rows = Math.ceil(panels.length / COLUMNS);
  const width = COLUMNS * WIDTH;
  const height = rows * HEIGHT + 40;
  const body = panels.map((panel, i) =>
    drawPanel(panel, spacing, {
      x: (i % COLUMNS) * WIDTH,
      y: 40 + Math.floor(i / COLUMNS) * HEIGHT,
    }),
  );
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" ` +
    `width="${width}" height="${height}"><style>${STYLE}</style>` +
    `<rect width="${width}" height="${height}" fill="#fff"/>` +
    `<text x="${LEFT}" y="22" class="title">${heading}</text>\n${body.join('\n')}\n</svg>\n`
  );
}
