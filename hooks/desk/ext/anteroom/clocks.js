// How a calendar lays instants out. The server says what the clocks of the place show on each day; this computer's zone,
// and what it believes of others, is never asked. All days share one axis of wall times. Where the clocks are turned back
// on one of them, the hour that comes twice has two places on the axis; where they are turned forward, a part of that
// day's column stands for no time at all.

import { sayTime } from "./words.js";

const MINUTE = 60000;
const minutesOf = (wall) => Number(wall.slice(0, 2)) * 60 + Number(wall.slice(3, 5));
export const wallOf = (minutes) => `${String(Math.floor(minutes / 60) % 24).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
export const instant = (ms) => new Date(ms).toISOString().replace(".000Z", "Z");

/** A day as the server gives it, with its times as numbers: pieces of { from, to } in milliseconds, { wall } in minutes. */
export function dayOf({ date, clocks }) {
    const pieces = clocks.map((c) => ({ from: Date.parse(c.at), to: Date.parse(c.at) + c.minutes * MINUTE, wall: minutesOf(c.wall), again: !!c.again }));
    return { date, pieces, from: pieces[0]?.from, to: pieces.at(-1)?.to, hours: clocks.reduce((n, c) => n + c.minutes, 0) / 60 };
}

/** What the clocks show at an instant of a day: { wall, again }, null when it is not of this day. */
export function shownAt(day, ms) {
    const piece = day.pieces.find((p) => ms >= p.from && ms < p.to);
    return piece ? { wall: piece.wall + (ms - piece.from) / MINUTE, again: piece.again } : null;
}

/** The instant at which a day's clocks show a wall time, null when they skip it. */
export function instantOn(day, wall, again) {
    for (const p of day.pieces) {
        if (p.again == again && wall >= p.wall && wall < p.wall + (p.to - p.from) / MINUTE) return p.from + (wall - p.wall) * MINUTE;
    }
    return null;
}

const twice = (day, wall) => day.pieces.some((p) => p.again && wall >= p.wall && wall < p.wall + (p.to - p.from) / MINUTE);

/** "3:00 pm", and which of two where the clocks show it twice. */
export function sayShown(day, ms) {
    const at = shownAt(day, ms);
    if (!at) return "";
    return sayTime(wallOf(at.wall)) + (twice(day, at.wall) ? ` (the ${at.again ? "second" : "first"})` : "");
}

/** The days on which the clocks are changed, in words. */
export const sayChange = (day) => (day.hours == 24 ? "" : `The clocks ${day.hours > 24 ? "go back" : "go forward"} on this day. It has ${day.hours} hours.`);

/** The axis that some days share, from wall minute `first` to `last`: pieces of { from, to, again } and where each begins. */
export function axisOf(days, first, last) {
    const pieces = [];
    let at = first;
    const extra = [];
    for (const day of days) for (const p of day.pieces) if (p.again) extra.push({ from: p.wall, to: p.wall + (p.to - p.from) / MINUTE, again: true });
    extra.sort((a, b) => a.to - b.to);
    for (const e of extra) {
        if (e.to <= at || e.from >= last || pieces.some((p) => p.again && p.from == e.from)) continue;
        pieces.push({ from: at, to: Math.min(e.to, last), again: false }, e);
        at = Math.min(e.to, last);
    }
    if (at < last) pieces.push({ from: at, to: last, again: false });
    let offset = 0;
    for (const p of pieces) {
        p.at = offset;
        offset += p.to - p.from;
    }
    return { pieces, length: offset };
}

/** Where on the axis a wall time is, in minutes from its top; what is beyond it is at its ends. */
export function placeOf(axis, { wall, again }) {
    const piece = axis.pieces.find((p) => p.again == again && wall >= p.from && wall < p.to);
    if (piece) return piece.at + wall - piece.from;
    const later = axis.pieces.find((p) => !p.again && p.from > wall);
    return later ? later.at : wall < axis.pieces[0].from ? 0 : axis.length;
}

/** The part of a day's column that a time from start to end takes: [top, bottom] in minutes, null when it is not there. */
export function stretch(axis, day, start, end) {
    const from = Math.max(start, day.from), to = Math.min(end, day.to);
    if (!(from < to)) return null;
    const top = placeOf(axis, shownAt(day, from)), bottom = placeOf(axis, shownAt(day, to - MINUTE)) + 1;
    return bottom > top && top < axis.length && bottom > 0 ? [top, Math.min(bottom, axis.length)] : null;
}

/** The parts of a day's column that stand for no time. */
export function skipped(axis, day) {
    const out = [];
    for (const p of axis.pieces) {
        let begin = null;
        for (let m = p.from; m <= p.to; m += 5) {
            const none = m < p.to && instantOn(day, m, p.again) == null;
            if (none && begin == null) begin = m;
            if (!none && begin != null) {
                out.push([p.at + begin - p.from, p.at + m - p.from]);
                begin = null;
            }
        }
    }
    return out;
}

/** The instant at a height of a day's column, on a grid of `step` minutes; null where there is none. */
export function instantAt(axis, day, height, step) {
    const piece = axis.pieces.findLast((p) => height >= p.at) || axis.pieces[0];
    const wall = Math.round((piece.from + height - piece.at) / step) * step;
    const within = Math.min(Math.max(wall, piece.from), piece.to - step);
    return instantOn(day, within, piece.again);
}

/** The full hours of the axis: { at, wall, again }. */
export function hoursOf(axis) {
    const out = [];
    for (const p of axis.pieces) for (let wall = Math.ceil(p.from / 60) * 60; wall < p.to; wall += 60) out.push({ at: p.at + wall - p.from, wall, again: p.again });
    return out;
}
