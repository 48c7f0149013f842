import { useComputedColorScheme } from '@mantine/core';
import type { ClicksReport } from '@marquee/contracts';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { number } from '../parts/pager.js';
import classes from './clicks.module.css';
import type { Bucket } from './spans.js';

interface ChartProps {
  points: ClicksReport['series'];
  bucket: Bucket;
  timeZone: string;
  height?: number;
}

/** Clicks in order of time: raw, unique and human. The numbers themselves are in the figures beside it and in the file. */
export function ClicksChart({ height = 240, ...props }: ChartProps) {
  const scheme = useComputedColorScheme('light');
  // A chart takes its colours, its scale and its size when it is made.
  return <Drawn key={`${scheme} ${props.bucket} ${props.timeZone} ${height}`} height={height} {...props} />;
}

function Drawn({ points, bucket, timeZone, height }: ChartProps & { height: number }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const drawn = new uPlot(optionsOf({ element, bucket, timeZone, height }), columnsOf([]), element);
    plot.current = drawn;
    const widened = new ResizeObserver(() => drawn.setSize({ width: element.clientWidth, height }));
    widened.observe(element);
    return () => {
      widened.disconnect();
      drawn.destroy();
      plot.current = undefined;
    };
  }, [bucket, timeZone, height]);

  // After the one above, which makes what this fills.
  useEffect(() => plot.current?.setData(columnsOf(points)), [points]);

  const most = points.reduce((highest, { raw }) => Math.max(highest, raw), 0);
  return <div ref={place} className={classes.chart} role="img" aria-label={`Clicks by ${bucket}; the most in one: ${number(most)}`} />;
}

function columnsOf(points: ClicksReport['series']): uPlot.AlignedData {
  return [
    points.map(({ at }) => at / 1000),
    points.map(({ raw }) => raw),
    points.map(({ unique }) => unique),
    points.map(({ human }) => human),
  ];
}

type Place = Pick<ChartProps, 'bucket' | 'timeZone'> & { element: HTMLElement; height: number };

function optionsOf({ element, bucket, timeZone, height }: Place): uPlot.Options {
  const color = (name: string) => getComputedStyle(element).getPropertyValue(name).trim();
  const moment = new Intl.DateTimeFormat(undefined, {
    timeZone,
    dateStyle: 'medium',
    ...(bucket === 'day' ? {} : { timeStyle: 'short' }),
  });
  const axis: uPlot.Axis = {
    stroke: color('--mantine-color-dimmed'),
    grid: { stroke: color('--mantine-color-default-border'), width: 1 },
    ticks: { show: false },
    font: `12px ${getComputedStyle(element).fontFamily}`,
  };
  const line = (label: string, name: string, fill?: string): uPlot.Series => ({
    label,
    stroke: color(name),
    width: 2,
    points: { size: 5 },
    value: (_plot, value: number | null) => (value === null ? '–' : number(value)),
    ...(fill === undefined ? {} : { fill }),
  });
  return {
    width: element.clientWidth,
    height,
    tzDate: (at) => uPlot.tzDate(new Date(at * 1000), timeZone),
    cursor: { y: false, drag: { x: false, y: false } },
    scales: { y: { range: (_plot, _least, most) => [0, Math.max(4, Math.ceil((most ?? 0) * 1.1))] } },
    axes: [
      { ...axis, space: 70 },
      {
        ...axis,
        incrs: WHOLE,
        size: (_plot, values) => 18 + 7 * Math.max(2, ...(values ?? []).map(({ length }) => length)),
        values: asNumbers,
      },
    ],
    series: [
      { value: (_plot, at: number | null) => (at === null ? '–' : moment.format(at * 1000)), label: '' },
      line('Raw', '--click-raw'),
      line('Unique', '--click-unique'),
      line('Human', '--click-human', color('--click-human-area')),
    ],
  };
}

/** Steps of the scale: nobody clicks half. */
const WHOLE = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

function asNumbers(_plot: uPlot, values: number[]): string[] {
  return values.map(number);
}
